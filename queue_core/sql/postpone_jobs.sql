-- Settles runs that did not end their job: error with attempts left, snooze, interruption. Called by the producer.
-- Moves: postpone.
-- Fenced and skipping like finish_jobs, and finding rows as it does. A requested cancel ends the job here, with
-- its reason, and the run's own error is noted; a wake-up makes it available at once.
-- Interruption and snooze refund the attempt; the lease is never given back. Each run leaves a row in job_attempts.
WITH input AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(leases)s::bigint[], %(states)s::text[], %(delays_s)s::float8[],
                         %(refunds)s::int[], %(snoozes)s::int[], %(outcomes)s::text[], %(errors)s::jsonb[])
                  AS i(id, lease, state, delay_s, refund, snooze, outcome, error)
), picked AS MATERIALIZED (
    SELECT j.id, i.delay_s, i.refund, i.snooze, i.outcome, i.error, j.attempt AS run_attempt,
           j.cancel_requested_at IS NOT NULL AS cancelled, j.cancel_reason,
           CASE WHEN j.wake_requested_at IS NOT NULL OR i.delay_s <= 0 THEN 'available' ELSE i.state END AS state
    FROM input i
    JOIN {schema}.jobs j ON j.id = i.id AND j.lease = i.lease AND (j.state || '') = 'executing'
    WHERE j.id = ANY (%(ids)s::bigint[])
    FOR UPDATE OF j SKIP LOCKED
), gone AS (
    DELETE FROM {schema}.jobs j USING picked p
    WHERE j.id = p.id AND p.cancelled
    RETURNING j.*, p.run_attempt, p.outcome, p.error
), ended AS (
    INSERT INTO {schema}.job_history (id, state, queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues,
        worker_id, inserted_at, scheduled_at, attempted_at, finished_at, limit_key, unique_key, unique_states, window_key,
        tags, args, meta, error)
    SELECT id, 'cancelled', queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues,
        worker_id, inserted_at, scheduled_at, attempted_at, now(), limit_key, unique_key, unique_states, window_key,
        tags, args, meta,
        jsonb_build_object('kind', 'Cancel', 'message', coalesce(cancel_reason, 'cancelled'), 'trace', '')
    FROM gone
    RETURNING id, lease, state
), waiting AS (
    UPDATE {schema}.jobs j
    SET state = p.state, worker_id = NULL, wake_requested_at = NULL,
        attempt = j.attempt - p.refund, snoozed = j.snoozed + p.snooze,
        scheduled_at = CASE WHEN p.outcome = 'interrupted' THEN j.scheduled_at
                            WHEN p.state = 'available' AND p.delay_s > 0 THEN now()
                            ELSE now() + p.delay_s * interval '1 second' END,
        unique_key = CASE WHEN p.state = ANY (j.unique_states) THEN j.unique_key END
    FROM picked p
    WHERE j.id = p.id AND NOT p.cancelled
    RETURNING j.id, j.lease, j.state, j.attempted_at, p.run_attempt, p.outcome, p.error
), noted AS (
    INSERT INTO {schema}.job_attempts (job_id, lease, attempt, worker_id, started_at, outcome, error)
    SELECT id, lease, run_attempt, %(worker_id)s, attempted_at, outcome, error FROM waiting
    UNION ALL
    SELECT id, lease, run_attempt, %(worker_id)s, attempted_at, outcome, error FROM gone WHERE error IS NOT NULL
)
SELECT id, lease, state FROM ended UNION ALL SELECT id, lease, state FROM waiting
