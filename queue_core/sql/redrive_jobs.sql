-- Sends finished jobs round again. Called by control.retry.
-- Moves: redrive.
-- The lease is kept: back at 0, a zombie of the first life settled the second. The old end is kept in job_attempts.
-- INSERT first and DELETE what was inserted: a newer twin (jobs_unique) must leave the history row where it is.
WITH picked AS MATERIALIZED (
    SELECT * FROM {schema}.job_history
    WHERE id = ANY (%(ids)s::bigint[])
    ORDER BY id
    FOR UPDATE
), back AS (
    INSERT INTO {schema}.jobs (id, state, queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues,
        inserted_at, scheduled_at, attempted_at, limit_key, unique_key, unique_states, tags, args, meta)
    SELECT id, 'available', queue, kind, priority, attempt, greatest(attempt, 0) + %(attempts)s, lease, snoozed, 0,
        inserted_at, now(), attempted_at, limit_key,
        CASE WHEN 'available' = ANY (unique_states) THEN unique_key END, unique_states, tags, args, meta
    FROM picked
    ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING id, queue
), gone AS (
    DELETE FROM {schema}.job_history h USING back
    WHERE h.id = back.id
    RETURNING h.id, h.lease, h.attempt, h.worker_id, h.attempted_at, h.finished_at, h.state, h.error
), noted AS (
    INSERT INTO {schema}.job_attempts (job_id, lease, attempt, worker_id, started_at, ended_at, outcome, error)
    SELECT id, lease, attempt, worker_id, attempted_at, now(), state, error FROM gone
)
SELECT id, queue FROM back
