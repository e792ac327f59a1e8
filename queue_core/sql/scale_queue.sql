-- Changes limits of a queue on every node: null leaves a value as it is. Called by control. No row = no such queue.
UPDATE {schema}.queues
SET process_limit = coalesce(%(process_limit)s, process_limit),
    global_limit = CASE WHEN %(set_global)s THEN %(global_limit)s ELSE global_limit END,
    updated_at = now()
WHERE name = %(name)s
RETURNING name
