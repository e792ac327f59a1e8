-- Dead rows and churn of the hot table, and whether an old snapshot stops vacuum from removing them.
-- Called by the leader's vacuum and by doctor.
SELECT s.n_dead_tup::bigint AS dead, s.n_live_tup::bigint AS live,
       (s.n_tup_upd + s.n_tup_del)::bigint AS churned,
       pg_table_size(s.relid)::bigint AS table_bytes, pg_indexes_size(s.relid)::bigint AS index_bytes,
       (SELECT min(backend_xmin::text::bigint) FROM pg_stat_activity
        WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()) AS horizon
FROM pg_stat_user_tables s
WHERE s.schemaname = '{schema}' AND s.relname = 'jobs'
