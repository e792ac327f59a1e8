-- The row that a worker process claims under. Called by a node at its start and after its row was lost. A drained node's
-- new process is drained from the start. A second try after a lost reply finds its own row and extends it.
INSERT INTO {schema}.workers (id, supervisor_id, node, pid, supervisor_pid, queues, kinds, expires_at,
                              supervisor_started_at, drain_requested_at)
VALUES (%(id)s, %(supervisor_id)s, %(node)s, %(pid)s, %(supervisor_pid)s, %(queues)s, %(kinds)s,
        now() + %(lease_s)s::float8 * interval '1 second',
        now() - %(supervisor_age_s)s::float8 * interval '1 second',
        (SELECT requested_at FROM {schema}.drained_nodes WHERE node = %(node)s))
ON CONFLICT (id) DO UPDATE SET expires_at = excluded.expires_at, renewed_at = now()
