-- Gives back jobs that a worker holds and does not run, or that a dead worker ran. Called by the producer (held jobs),
-- the supervisor (its dead child) and the reaper (lost nodes), by explicit (id, lease): whoever settled first wins.
-- Moves: release.
-- A requested cancel ends the job here, with the reason of the request; what befell the run is noted beside it.
-- charged: the run is known to have started, the attempt counts. rescue: adds to rescues; when these are used up, no run
-- may follow. innocent: it had not started, so its rescue is counted and never makes a suspect of it.
WITH input AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(leases)s::bigint[], %(charged)s::boolean[], %(rescues)s::boolean[],
                         %(innocents)s::boolean[], %(errors)s::jsonb[])
                  AS i(id, lease, charged, rescue, innocent, error)
), picked AS MATERIALIZED (
    SELECT j.id, i.charged, i.rescue, i.error, j.worker_id AS run_worker_id, j.attempt AS run_attempt,
           CASE WHEN NOT i.rescue THEN j.rescues
                WHEN i.innocent THEN greatest(j.rescues, least(j.rescues + 1, %(max_rescues)s - 1))
                ELSE j.rescues + 1 END AS rescues,
           CASE WHEN j.cancel_requested_at IS NOT NULL THEN 'cancelled'
                WHEN i.charged AND j.attempt >= j.max_attempts AND j.wake_requested_at IS NULL THEN 'discarded'
                WHEN i.rescue AND NOT i.innocent AND j.rescues >= %(max_rescues)s THEN 'discarded'
                ELSE 'available' END AS state
    FROM input i
    JOIN {schema}.jobs j ON j.id = i.id AND j.lease = i.lease AND j.state = 'executing'
    ORDER BY j.id
    FOR UPDATE OF j SKIP LOCKED
), gone AS (
    DELETE FROM {schema}.jobs j USING picked p
    WHERE j.id = p.id AND p.state <> 'available'
    RETURNING j.*, p.state AS final_state, p.rescues AS final_rescues, p.rescue, p.charged, p.error
), ended AS (
    INSERT INTO {schema}.job_history (id, state, queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues,
        worker_id, inserted_at, scheduled_at, attempted_at, finished_at, limit_key, unique_key, unique_states, window_key,
        tags, args, meta, error)
    SELECT id, final_state, queue, kind, priority, attempt, max_attempts, lease, snoozed, final_rescues,
        worker_id, inserted_at, scheduled_at, attempted_at, now(), limit_key, unique_key, unique_states, window_key,
        tags, args, meta,
        CASE WHEN final_state = 'cancelled'
             THEN jsonb_build_object('kind', 'Cancel', 'message', coalesce(cancel_reason, 'cancelled'), 'trace', '')
             ELSE error END
    FROM gone
    RETURNING id, lease, state
), waiting AS (
    UPDATE {schema}.jobs j
    SET state = 'available', worker_id = NULL, wake_requested_at = NULL,
        attempt = j.attempt - CASE WHEN p.charged AND j.attempt < j.max_attempts THEN 0 ELSE 1 END,
        rescues = p.rescues,
        unique_key = CASE WHEN 'available' = ANY (j.unique_states) THEN j.unique_key END
    FROM picked p
    WHERE j.id = p.id AND p.state = 'available'
    RETURNING j.id, j.lease, j.state, j.attempted_at, p.rescue, p.charged, p.error, p.run_worker_id, p.run_attempt
), noted AS (
    INSERT INTO {schema}.job_attempts (job_id, lease, attempt, worker_id, started_at, outcome, error)
    SELECT id, lease, run_attempt, run_worker_id, attempted_at, 'rescue', error
    FROM waiting
    WHERE rescue OR charged
    UNION ALL
    SELECT id, lease, attempt, worker_id, attempted_at, 'rescue', error
    FROM gone
    WHERE final_state = 'cancelled' AND (rescue OR charged)
)
SELECT id, lease, state FROM ended UNION ALL SELECT id, lease, state FROM waiting
