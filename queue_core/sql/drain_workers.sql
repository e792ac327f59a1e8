-- Asks worker processes to claim nothing more (drain), or to go on. Called by control with ids or a node's name.
UPDATE {schema}.workers
SET drain_requested_at = CASE WHEN %(drain)s THEN coalesce(drain_requested_at, now()) END
WHERE id = ANY (%(ids)s::uuid[]) OR node = %(node)s
RETURNING id
