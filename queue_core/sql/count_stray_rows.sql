-- Rows that lie in the DEFAULT partitions, because their day had none; counted up to a limit. Called by doctor.
SELECT 'job_history' AS parent,
       (SELECT count(*) FROM (SELECT FROM {schema}.job_history_default LIMIT %(limit)s) h)::bigint AS stray
UNION ALL
SELECT 'job_attempts', (SELECT count(*) FROM (SELECT FROM {schema}.job_attempts_default LIMIT %(limit)s) a)::bigint
