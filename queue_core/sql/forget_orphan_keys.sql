-- Removes windowed keys whose job is gone from both halves (retention dropped it, or an operator deleted it): a key
-- without a period never expires by itself. Called by the leader, a batch a turn in the order of the keys; `after` is
-- where the last one ended, and last_key is null at the end. Guarded by the job that was seen: who takes the key over
-- in between keeps it.
WITH looked AS MATERIALIZED (
    SELECT key, job_id FROM {schema}.unique_keys
    WHERE key > %(after)s AND expires_at = 'infinity'
    ORDER BY key
    LIMIT %(limit)s
), gone AS MATERIALIZED (
    SELECT l.key, l.job_id FROM looked l
    WHERE NOT EXISTS (SELECT FROM {schema}.jobs j WHERE j.id = l.job_id)
      AND NOT EXISTS (SELECT FROM {schema}.job_history h WHERE h.id = l.job_id)
), removed AS (
    DELETE FROM {schema}.unique_keys k USING gone g WHERE k.key = g.key AND k.job_id = g.job_id
    RETURNING k.key
)
SELECT (SELECT count(*) FROM removed) AS removed,
       CASE WHEN (SELECT count(*) FROM looked) = %(limit)s
            THEN (SELECT key FROM looked ORDER BY key DESC LIMIT 1) END AS last_key
