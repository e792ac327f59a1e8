-- Completes one run whose job was woken while it ran: the job goes back with a fresh budget, this run is noted.
-- A statement after complete_job, because that one may have waited for the very wake-up. Called by lease.complete.
-- Moves: complete.
WITH woken AS (
    UPDATE {schema}.jobs
    SET state = 'available', attempt = 0, worker_id = NULL, scheduled_at = now(), wake_requested_at = NULL,
        unique_key = CASE WHEN 'available' = ANY (unique_states) THEN unique_key END
    WHERE id = %(id)s AND lease = %(lease)s AND state = 'executing'
      AND wake_requested_at IS NOT NULL AND cancel_requested_at IS NULL
    RETURNING id, lease, state, attempted_at
), noted AS (
    INSERT INTO {schema}.job_attempts (job_id, lease, attempt, started_at, outcome)
    SELECT id, lease, %(attempt)s, attempted_at, 'completed' FROM woken
)
SELECT id, state FROM woken
