SELECT coalesce(max(n), 0) AS value, coalesce(max(n), 0) <= 1 AS ok
FROM (SELECT count(*) AS n
      FROM lab.gateway_captures JOIN lab.purchases USING (payment)
      GROUP BY purchase) AS per_purchase
