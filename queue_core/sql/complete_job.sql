-- Completes one job in the transaction of its effects. No row = the lease is lost. Called by lease.complete.
-- Moves: complete.
-- Waits for whoever locks the row (a wake-up, a release) and then looks again: the WHERE is the fence.
WITH gone AS (
    DELETE FROM {schema}.jobs
    WHERE id = %(id)s AND lease = %(lease)s AND state = 'executing'
      AND (wake_requested_at IS NULL OR cancel_requested_at IS NOT NULL)
    RETURNING *
), kept AS (
    INSERT INTO {schema}.job_history (id, state, queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues,
        worker_id, inserted_at, scheduled_at, attempted_at, finished_at, limit_key, unique_key, unique_states, window_key,
        tags, args, meta, result)
    SELECT id, 'completed', queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues,
        worker_id, inserted_at, scheduled_at, attempted_at, now(), limit_key, unique_key, unique_states, window_key,
        tags, args, meta, %(result)s::jsonb
    FROM gone
    RETURNING id, state
)
SELECT id, state FROM kept
