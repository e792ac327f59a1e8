-- Sends finished jobs round again. Called by control.retry.
-- Moves: redrive.
-- The lease is kept: back at 0, a zombie of the first life settled the second. The old end is kept in job_attempts.
-- INSERT first and DELETE what was inserted: a newer twin (jobs_unique, or whoever holds the windowed key) must leave
-- the history row where it is. A job that holds its windowed key still touches it, so that an inserter who is just
-- taking it over looks again.
WITH picked AS MATERIALIZED (
    SELECT * FROM {schema}.job_history
    WHERE id = ANY (%(ids)s::bigint[])
    ORDER BY id
    FOR UPDATE
), own AS (
    UPDATE {schema}.unique_keys k SET job_id = k.job_id
    FROM picked p
    WHERE k.key = p.window_key AND k.job_id = p.id
    RETURNING k.job_id
), back AS (
    INSERT INTO {schema}.jobs (id, state, queue, kind, priority, attempt, max_attempts, lease, snoozed, rescues,
        inserted_at, scheduled_at, attempted_at, limit_key, unique_key, unique_states, window_key,
        tags, args, meta)
    SELECT id, 'available', queue, kind, priority, attempt, greatest(attempt, 0) + %(attempts)s, lease, snoozed, 0,
        inserted_at, now(), attempted_at, limit_key,
        CASE WHEN 'available' = ANY (unique_states) THEN unique_key END, unique_states, window_key,
        tags, args, meta
    FROM picked
    WHERE window_key IS NULL OR id IN (SELECT job_id FROM own)
       OR NOT EXISTS (SELECT FROM {schema}.unique_keys k LEFT JOIN {schema}.all_jobs j ON j.id = k.job_id
                      WHERE k.key = window_key
                        AND (k.job_id = picked.id OR (k.expires_at > now() AND j.state = ANY (k.states))))
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
