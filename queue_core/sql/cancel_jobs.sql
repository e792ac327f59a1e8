-- Cancels jobs that wait. Called by control.cancel, followed by request_cancel for those that run.
-- Moves: cancel.
WITH picked AS MATERIALIZED (
    SELECT id FROM {schema}.jobs
    WHERE id = ANY (%(ids)s::bigint[]) AND state <> 'executing'
    ORDER BY id
    FOR UPDATE
), gone AS (
    DELETE FROM {schema}.jobs
    WHERE id = ANY (ARRAY(SELECT id FROM picked)) AND state <> 'executing'
    RETURNING *
)
INSERT INTO {schema}.job_history (id, state, queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues,
    worker_id, inserted_at, scheduled_at, attempted_at, finished_at, limit_key, unique_key, unique_states, window_key,
    tags, args, meta, error)
SELECT id, 'cancelled', queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues,
    worker_id, inserted_at, scheduled_at, attempted_at, now(), limit_key, unique_key, unique_states, window_key,
    tags, args, meta, jsonb_build_object('kind', 'Cancel', 'message', %(reason)s::text, 'trace', '')
FROM gone
RETURNING id
