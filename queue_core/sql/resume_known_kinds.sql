-- Frees jobs that were set aside for want of a worker that knows their kind. Called by the leader. Bounded.
-- Moves: resume.
WITH picked AS MATERIALIZED (
    SELECT id FROM {schema}.jobs
    WHERE state = 'suspended' AND meta ->> 'suspended_by' = 'unknown_kind'
      AND kind = ANY (ARRAY(SELECT DISTINCT unnest(kinds) FROM {schema}.workers WHERE expires_at > now()))
    ORDER BY id
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE {schema}.jobs
SET state = 'available', meta = meta - 'suspended_by',
    unique_key = CASE WHEN 'available' = ANY (unique_states) THEN unique_key END
WHERE id = ANY (ARRAY(SELECT id FROM picked))
RETURNING id, queue
