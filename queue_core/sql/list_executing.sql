-- What these workers own, oldest first, in a bounded batch. Called by the supervisor after a child's death, by the
-- reaper, and by the producer, which gives back what it does not know (a claim whose reply was lost): only rows
-- older than `min_age_s`. Uses jobs_running, takes no lock.
SELECT id, lease, worker_id, attempt, max_attempts
FROM {schema}.jobs
WHERE state = 'executing' AND worker_id = ANY (%(worker_ids)s::uuid[])
  AND attempted_at <= now() - %(min_age_s)s::float8 * interval '1 second'
ORDER BY id
LIMIT %(limit)s
