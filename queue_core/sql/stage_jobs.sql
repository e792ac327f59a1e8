-- Due jobs become available, oldest first, in a bounded batch. Called by the leader's stager and by drain in tests.
-- Moves: stage.
-- Uses jobs_stage. The unique key is given up here when 'available' is not one of its states; nothing can conflict.
WITH picked AS MATERIALIZED (
    SELECT id
    FROM {schema}.jobs
    WHERE state IN ('scheduled', 'retryable') AND scheduled_at <= now()
    ORDER BY scheduled_at, id
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE {schema}.jobs
SET state = 'available',
    unique_key = CASE WHEN 'available' = ANY (unique_states) THEN unique_key END
WHERE id = ANY (ARRAY(SELECT id FROM picked))
RETURNING id, queue
