-- Gives the jobs of a queue the limit key that its settings name now; for jobs stored under another. Called by
-- control.reset_queue.
UPDATE {schema}.jobs j
SET limit_key = j.args ->> q.limit_key_field
FROM {schema}.queues q
WHERE q.name = %(name)s AND j.queue = q.name AND j.limit_key IS DISTINCT FROM (j.args ->> q.limit_key_field)
RETURNING j.id
