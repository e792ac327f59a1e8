SELECT count(*) AS value, count(*) = 0 AS ok
FROM payments
WHERE status NOT IN ('completed', 'failed', 'cancelled')
