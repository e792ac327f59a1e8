SELECT count(*) AS value, count(*) = 0 AS ok
FROM queue.jobs
WHERE kind = ANY(:kinds)
