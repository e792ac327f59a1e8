-- Writes a configured queue where the table has no row: an operator's value stays until it is reset.
-- Called by Queue.install, at the start of a node and, with overwrite, by control.reset_queue.
INSERT INTO {schema}.queues AS q (name, process_limit, paused_at, global_limit, rate_starts, rate_period_s, limit_key_field)
VALUES (%(name)s, %(process_limit)s, CASE WHEN %(paused)s THEN now() END, %(global_limit)s,
        %(rate_starts)s, %(rate_period_s)s, %(limit_key_field)s)
ON CONFLICT (name) DO UPDATE
SET process_limit = excluded.process_limit, paused_at = excluded.paused_at, global_limit = excluded.global_limit,
    rate_starts = excluded.rate_starts, rate_period_s = excluded.rate_period_s,
    limit_key_field = excluded.limit_key_field, updated_at = now()
WHERE %(overwrite)s
