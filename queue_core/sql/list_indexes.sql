-- Indexes of the hot table with their sizes, largest first. Called by doctor.
SELECT s.indexrelname AS name, pg_relation_size(s.indexrelid)::bigint AS bytes
FROM pg_stat_user_indexes s
WHERE s.schemaname = '{schema}' AND s.relname = 'jobs'
ORDER BY bytes DESC, name
