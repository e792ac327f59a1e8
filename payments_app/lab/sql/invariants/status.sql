SELECT count(*) AS value, count(*) = 0 AS ok
FROM payments p
WHERE (p.status = 'completed')
   <> EXISTS (SELECT FROM lab.gateway_captures c WHERE c.payment = p.id)
