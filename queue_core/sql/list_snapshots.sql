-- Who keeps vacuum from removing dead rows of this database, oldest first: transactions, prepared ones, replication
-- slots. Other roles' sessions show nothing to a role without pg_read_all_stats. Called by doctor.
SELECT *
FROM (
    SELECT 'session' AS holder, pid, usename::text AS role, application_name AS name, state,
           extract(epoch FROM clock_timestamp() - xact_start)::float8 AS age_s,
           age(coalesce(backend_xmin, backend_xid))::bigint AS transactions
    FROM pg_stat_activity
    WHERE coalesce(backend_xmin, backend_xid) IS NOT NULL AND pid <> pg_backend_pid()
      AND (datname = current_database() OR datname IS NULL) AND backend_type <> 'autovacuum worker'
    UNION ALL
    SELECT 'prepared transaction', NULL, owner::text, gid, 'prepared',
           extract(epoch FROM clock_timestamp() - prepared)::float8, age(transaction)::bigint
    FROM pg_prepared_xacts WHERE database = current_database()
    UNION ALL
    SELECT 'replication slot', active_pid, NULL, slot_name::text, CASE WHEN active THEN 'active' ELSE 'inactive' END,
           NULL, age(xmin)::bigint
    FROM pg_replication_slots WHERE xmin IS NOT NULL
) holders
ORDER BY age_s DESC NULLS LAST, transactions DESC
LIMIT 5
