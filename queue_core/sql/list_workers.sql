-- Worker processes of all nodes, with what they run. Called by control.
SELECT w.id, w.node, w.pid, w.supervisor_pid, w.queues, w.kinds, w.started_at, w.renewed_at, w.expires_at,
       w.expires_at > now() AS alive, w.drain_requested_at IS NOT NULL AS draining,
       (SELECT count(*) FROM {schema}.jobs j WHERE j.state = 'executing' AND j.worker_id = w.id) AS executing
FROM {schema}.workers w
ORDER BY w.node, w.started_at, w.id
