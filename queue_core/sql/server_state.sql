-- The server's connections beside what the live workers may need at most (a producer and a listener per process, one
-- per slot for jobs' own sessions, one per supervisor, two for the leader), and its clock. Called by doctor.
SELECT current_setting('server_version') AS version, pg_backend_pid() AS pid,
       current_setting('autovacuum')::boolean AS autovacuum,
       extract(epoch FROM clock_timestamp())::float8 AS clock_s,
       current_setting('max_connections')::bigint
           - current_setting('superuser_reserved_connections')::bigint AS usable,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'
        AND datname = current_database() AND application_name LIKE 'queue\_core %%') AS used_by_workers,
       (SELECT coalesce(sum(2 + (SELECT coalesce(sum(q.process_limit), 0) FROM {schema}.queues q
                                 WHERE q.name = ANY (w.queues))), 0)
               + count(DISTINCT w.supervisor_id) + CASE WHEN count(*) > 0 THEN 2 ELSE 0 END
        FROM {schema}.workers w WHERE w.expires_at > now())::bigint AS needed
