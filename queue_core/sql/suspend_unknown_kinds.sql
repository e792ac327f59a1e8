-- Sets aside available jobs whose kind no live worker of any node knows: kept, visible, and out of the claim's way.
-- Called by the leader, only while workers are registered. Bounded.
-- Moves: suspend.
WITH picked AS MATERIALIZED (
    SELECT id FROM {schema}.jobs
    WHERE state = 'available'
      AND kind <> ALL (ARRAY(SELECT DISTINCT unnest(kinds) FROM {schema}.workers WHERE expires_at > now()))
      AND inserted_at < now() - %(min_age_s)s::float8 * interval '1 second'
      AND EXISTS (SELECT FROM {schema}.workers WHERE expires_at > now())
    ORDER BY id
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE {schema}.jobs
SET state = 'suspended', meta = meta || '{"suspended_by": "unknown_kind"}',
    unique_key = CASE WHEN 'suspended' = ANY (unique_states) THEN unique_key END
WHERE id = ANY (ARRAY(SELECT id FROM picked))
RETURNING id, kind
