SELECT CASE WHEN count(*) = 0 THEN 'no capture' ELSE string_agg(DISTINCT n::text, ', ') END AS value,
       coalesce(bool_and(n = 1), true) AS ok
FROM (SELECT c.payment,
             (SELECT count(*) FROM email_deliveries e
              WHERE split_part(e.subject_id, '#', 1) = c.payment AND e.kind = 'receipt') AS n
      FROM lab.gateway_captures c GROUP BY c.payment) AS per_payment
