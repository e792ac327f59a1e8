-- Stops or resumes claiming from a queue on every node. Called by control. No row = no such queue.
UPDATE {schema}.queues
SET paused_at = CASE WHEN %(paused)s THEN coalesce(paused_at, now()) END, updated_at = now()
WHERE name = %(name)s
RETURNING name
