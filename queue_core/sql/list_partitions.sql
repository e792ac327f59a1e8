-- Daily partitions with their age in days (negative: in the future). Called by the leader and by doctor.
SELECT p.relname AS parent, c.relname AS name,
       (now() AT TIME ZONE 'UTC')::date - to_date(right(c.relname, 8), 'YYYYMMDD') AS age_days
FROM pg_inherits i
JOIN pg_class c ON c.oid = i.inhrelid
JOIN pg_class p ON p.oid = i.inhparent
JOIN pg_namespace n ON n.oid = p.relnamespace
WHERE n.nspname = '{schema}' AND p.relname IN ('job_history', 'job_attempts') AND c.relname ~ '_[0-9]{8}$'
ORDER BY c.relname
