-- I9: one key, one question: all requests under a gateway key carry one body, and all under a
-- client's key one fingerprint; two keys of clients never claim to have made the same payment or
-- refund. Called by audit.rows. Uses gateway_requests_key_idx; no locks.
WITH offenders (what) AS (
    SELECT 'gateway key ' || key || ': '
           || count(DISTINCT (fingerprint, cast(params AS text), target)) || ' different requests'
    FROM gateway_requests WHERE key IS NOT NULL
    GROUP BY key HAVING count(DISTINCT (fingerprint, cast(params AS text), target)) > 1
    UNION ALL
    SELECT 'key ' || key || ' of ' || account || ': ' || count(*) || ' records'
    FROM idempotency_records GROUP BY account, key HAVING count(*) > 1
    UNION ALL
    SELECT subject_id || ': made by ' || count(*) || ' requests with different keys'
    FROM idempotency_records
    WHERE status IN (201, 202) AND (path LIKE '%/payments' OR path LIKE '%/refunds')
      AND subject_id IS NOT NULL
    GROUP BY subject_id HAVING count(*) > 1
)
SELECT (SELECT count(DISTINCT key) FROM gateway_requests)
       + (SELECT count(*) FROM idempotency_records) AS checked,
       (SELECT count(*) FROM offenders) AS failed,
       ARRAY(SELECT what FROM offenders ORDER BY what LIMIT :examples_max) AS examples
