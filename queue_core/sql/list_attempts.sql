-- The runs of these jobs that did not finish them, oldest first. Called by control.
SELECT job_id, lease, attempt, worker_id, started_at, ended_at, outcome, error
FROM {schema}.job_attempts
WHERE job_id = ANY (%(ids)s::bigint[])
ORDER BY job_id, ended_at, lease
