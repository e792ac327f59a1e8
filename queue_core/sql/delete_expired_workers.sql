-- Ends workers whose lease ran out, before their jobs are released. Called by the leader's reaper.
-- SKIP LOCKED: a row under a claim or a renewal is left for the next tick.
WITH picked AS MATERIALIZED (
    SELECT id FROM {schema}.workers
    WHERE expires_at < now()
    ORDER BY id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
DELETE FROM {schema}.workers WHERE id = ANY (ARRAY(SELECT id FROM picked))
RETURNING id, node, pid
