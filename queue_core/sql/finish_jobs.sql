-- Settles runs that ended their job: completed, cancelled, discarded. Called by the producer with a batch.
-- Moves: finish.
-- Fenced by lease and state: a row that does not come back belongs to somebody else, is finished already, or is
-- locked (one locked row must not stall the batch: SKIP LOCKED, the producer repeats it). A wake-up that met the run
-- sends the job back as available with a fresh budget, but for a requested cancel: its reason ends what did not end itself.
-- Rows are found by jobs_pkey: jobs_running (which state = 'executing' would invite) holds an entry per run since the
-- last vacuum, and the planner reads them all. So the state is compared in a form that no partial index matches.
WITH input AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(leases)s::bigint[], %(states)s::text[], %(errors)s::jsonb[],
                         %(results)s::jsonb[], %(yields)s::boolean[])
                  AS i(id, lease, state, error, result, yields)
), picked AS MATERIALIZED (
    SELECT j.id, i.error, i.result, j.attempt AS run_attempt, j.worker_id AS run_worker_id,
           j.wake_requested_at IS NOT NULL AND j.cancel_requested_at IS NULL AS woken,
           i.yields AND j.cancel_requested_at IS NOT NULL AS overruled,
           CASE WHEN i.yields AND j.cancel_requested_at IS NOT NULL THEN 'cancelled' ELSE i.state END AS state
    FROM input i
    JOIN {schema}.jobs j ON j.id = i.id AND j.lease = i.lease AND (j.state || '') = 'executing'
    WHERE j.id = ANY (%(ids)s::bigint[])
    FOR UPDATE OF j SKIP LOCKED
), gone AS (
    DELETE FROM {schema}.jobs j USING picked p
    WHERE j.id = p.id AND NOT p.woken
    RETURNING j.*, p.state AS final_state, p.overruled, p.error, p.result
), kept AS (
    INSERT INTO {schema}.job_history (id, state, queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues,
        worker_id, inserted_at, scheduled_at, attempted_at, finished_at, limit_key, unique_key, unique_states, window_key,
        tags, args, meta, error, result)
    SELECT id, final_state, queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues,
        worker_id, inserted_at, scheduled_at, attempted_at, now(), limit_key, unique_key, unique_states, window_key,
        tags, args, meta,
        CASE WHEN overruled
             THEN jsonb_build_object('kind', 'Cancel', 'message', coalesce(cancel_reason, 'cancelled'), 'trace', '')
             ELSE error END, result
    FROM gone
    RETURNING id, lease, state
), woken AS (
    UPDATE {schema}.jobs j
    SET state = 'available', attempt = 0, worker_id = NULL, scheduled_at = now(), wake_requested_at = NULL,
        unique_key = CASE WHEN 'available' = ANY (unique_states) THEN unique_key END
    FROM picked p
    WHERE j.id = p.id AND p.woken
    RETURNING j.id, j.lease, j.state, p.state AS outcome, p.error, j.attempted_at, p.run_attempt, p.run_worker_id
), noted AS (
    INSERT INTO {schema}.job_attempts (job_id, lease, attempt, worker_id, started_at, outcome, error)
    SELECT id, lease, run_attempt, run_worker_id, attempted_at, outcome, error FROM woken
    UNION ALL
    SELECT id, lease, attempt, worker_id, attempted_at, 'error', error FROM gone WHERE overruled
)
SELECT id, lease, state FROM kept UNION ALL SELECT id, lease, state FROM woken
