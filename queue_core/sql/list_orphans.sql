-- Executing jobs whose worker has no row: a reaper died between its two steps. Called by the leader's reaper.
-- Takes no lock; release_jobs decides by (id, lease).
SELECT j.id, j.lease, j.worker_id
FROM {schema}.jobs j
WHERE j.state = 'executing'
  AND NOT EXISTS (SELECT FROM {schema}.workers w WHERE w.id = j.worker_id)
ORDER BY j.id
LIMIT %(limit)s
