-- Changes limits of a queue on every node: null leaves a value as it is. Called by control. No row = no such queue.
UPDATE {schema}.queues
SET process_limit = coalesce(%(process_limit)s, process_limit),
    global_limit = CASE WHEN %(set_global)s THEN %(global_limit)s ELSE global_limit END,
    rate_starts = CASE WHEN %(set_rate)s THEN %(rate_starts)s ELSE rate_starts END,
    rate_period_s = CASE WHEN %(set_rate)s THEN %(rate_period_s)s ELSE rate_period_s END,
    updated_at = now()
WHERE name = %(name)s
RETURNING name
