-- Partitions whose retention is over, oldest first: one state of one day, or a whole day when no state of it is kept any
-- longer. Attempts are kept as long as the longest-kept jobs. Called by the leader's retention. Reads the catalogue only.
WITH found AS (
    SELECT c.relname::text AS name, p.relname::text AS parent,
           substring(c.relname FROM '_(completed|cancelled|discarded)$') AS state,
           (now() AT TIME ZONE 'UTC')::date - to_date(substring(c.relname FROM '_([0-9]{8})'), 'YYYYMMDD') AS age_days,
           greatest(%(completed)s::int, %(cancelled)s::int, %(discarded)s::int) AS longest_days
    FROM pg_inherits i
    JOIN pg_class c ON c.oid = i.inhrelid
    JOIN pg_class p ON p.oid = i.inhparent
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = '{schema}' AND c.relkind IN ('r', 'p')
      AND c.relname ~ '^(job_history|job_attempts)_[0-9]{8}(_(completed|cancelled|discarded))?$'
)
SELECT name, parent, age_days
FROM found
WHERE CASE state WHEN 'completed' THEN age_days > %(completed)s AND age_days <= longest_days
                 WHEN 'cancelled' THEN age_days > %(cancelled)s AND age_days <= longest_days
                 WHEN 'discarded' THEN age_days > %(discarded)s AND age_days <= longest_days
                 ELSE age_days > longest_days END
ORDER BY age_days DESC, name
