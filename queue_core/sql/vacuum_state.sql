-- Dead rows and churn of the hot table, whether an old snapshot stops vacuum from removing them, and whether this role
-- may vacuum it at all (a refused VACUUM is only a warning). Other databases' snapshots hold nothing back here.
-- Called by the leader's vacuum and by doctor.
SELECT s.n_dead_tup::bigint AS dead, s.n_live_tup::bigint AS live,
       (s.n_tup_upd + s.n_tup_del)::bigint AS churned,
       pg_table_size(s.relid)::bigint AS table_bytes, pg_indexes_size(s.relid)::bigint AS index_bytes,
       (SELECT min(backend_xmin::text::bigint) FROM pg_stat_activity
        WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()
          AND (datname = current_database() OR datname IS NULL)) AS horizon,
       pg_has_role(c.relowner, 'USAGE')
           OR (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database())
           OR CASE WHEN current_setting('server_version_num')::int >= 170000
                   THEN has_table_privilege(s.relid, 'MAINTAIN') ELSE false END AS may_vacuum
FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
WHERE s.schemaname = '{schema}' AND s.relname = 'jobs'
