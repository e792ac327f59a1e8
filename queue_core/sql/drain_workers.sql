-- Asks worker processes to claim nothing more (drain), or to go on. Called by control with ids or a node's name: a node
-- stays drained, with all the processes that it will have, until it is told to go on. A name that nobody has is not kept.
WITH kept AS (
    INSERT INTO {schema}.drained_nodes (node)
    SELECT DISTINCT node FROM {schema}.workers WHERE node = %(node)s AND %(drain)s
    ON CONFLICT (node) DO NOTHING
), forgotten AS (
    DELETE FROM {schema}.drained_nodes WHERE node = %(node)s AND NOT %(drain)s
)
UPDATE {schema}.workers
SET drain_requested_at = CASE WHEN %(drain)s THEN coalesce(drain_requested_at, now()) END
WHERE id = ANY (%(ids)s::uuid[]) OR node = %(node)s
RETURNING id
