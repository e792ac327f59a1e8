-- Executing jobs whose worker has no row, or has not renewed its lease for longer than a reaper takes, per worker.
-- Called by doctor.
SELECT j.worker_id, w.node, count(*)::bigint AS jobs, min(j.id) AS first_job,
       max(extract(epoch FROM now() - coalesce(w.expires_at, j.attempted_at)))::float8 AS late_s
FROM {schema}.jobs j LEFT JOIN {schema}.workers w ON w.id = j.worker_id
WHERE j.state = 'executing'
  AND (w.id IS NULL OR w.expires_at < now() - %(grace_s)s::float8 * interval '1 second')
GROUP BY j.worker_id, w.node
ORDER BY jobs DESC
