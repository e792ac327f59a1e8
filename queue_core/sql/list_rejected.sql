-- The feed of stale results and rescues, newest first. Called by control.
SELECT a.job_id, a.lease, a.attempt, a.worker_id, a.ended_at, a.outcome, a.error
FROM {schema}.job_attempts a
WHERE a.outcome IN ('stale', 'rescue')
ORDER BY a.ended_at DESC
LIMIT %(limit)s
