-- Settles runs that ended well and left nothing to write but their end: most runs, at half the cost of finish_jobs.
-- Called by the producer with a batch; gives nulls for "all", else which it has settled.
-- Moves: complete.
-- Fenced and skipping as finish_jobs is; a wake-up that met the run is left to that one. The row is deleted where it was
-- locked, so that it is looked up once; one that moved meanwhile is not found, and said again there, too. LATERAL makes it
-- a loop over jobs_pkey: a join that was planned for an empty table reads all of a full one (no partial index, either).
WITH picked AS MATERIALIZED (
    SELECT j.place
    FROM unnest(%(ids)s::bigint[], %(leases)s::bigint[]) AS i(id, lease)
    CROSS JOIN LATERAL (
        SELECT ctid AS place
        FROM {schema}.jobs j
        WHERE j.id = i.id AND j.lease = i.lease AND (j.state || '') = 'executing' AND j.wake_requested_at IS NULL
        FOR UPDATE SKIP LOCKED
    ) j
), gone AS (
    DELETE FROM {schema}.jobs
    WHERE ctid = ANY (ARRAY(SELECT place FROM picked))
    RETURNING id, queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues, worker_id, inserted_at,
        scheduled_at, attempted_at, limit_key, unique_key, unique_states, window_key, tags, args, meta
), kept AS (
    INSERT INTO {schema}.job_history (id, state, queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues,
        worker_id, inserted_at, scheduled_at, attempted_at, finished_at, limit_key, unique_key, unique_states, window_key,
        tags, args, meta)
    SELECT id, 'completed', queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues,
        worker_id, inserted_at, scheduled_at, attempted_at, now(), limit_key, unique_key, unique_states, window_key,
        tags, args, meta
    FROM gone
    RETURNING id, lease
)
SELECT CASE WHEN count(*) < cardinality(%(ids)s::bigint[]) THEN coalesce(array_agg(id), '{}') END AS ids,
       CASE WHEN count(*) < cardinality(%(ids)s::bigint[]) THEN coalesce(array_agg(lease), '{}') END AS leases
FROM kept
