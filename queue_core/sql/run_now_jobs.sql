-- Waiting jobs become available at once. Called by control.run_now and by control.retry for unfinished ones.
-- Moves: run_now.
UPDATE {schema}.jobs
SET state = 'available', scheduled_at = now(), max_attempts = greatest(max_attempts, attempt + 1),
    unique_key = CASE WHEN 'available' = ANY (unique_states) THEN unique_key END
WHERE id = ANY (%(ids)s::bigint[]) AND state IN ('scheduled', 'retryable', 'suspended')
RETURNING id, queue
