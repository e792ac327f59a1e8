-- The history of periodic jobs, newest first. Called by control.
SELECT name, minute, job_id, inserted_at
FROM {schema}.cron_runs
WHERE %(name)s::text IS NULL OR name = %(name)s
ORDER BY minute DESC, name
LIMIT %(limit)s
