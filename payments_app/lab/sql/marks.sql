-- A mark for each payment of a storm: taken once and known, or not.
SELECT u.purchase AS number, p.id AS payment, p.status, count(c.payment)::int AS captures,
       (count(c.payment) = 1 AND p.status = 'completed')
           OR (count(c.payment) = 0 AND p.status IN ('failed', 'cancelled')) AS ok
FROM lab.purchases u
JOIN payments p ON p.id = u.payment
LEFT JOIN lab.gateway_captures c ON c.payment = p.id
GROUP BY u.purchase, p.id, p.status
ORDER BY u.purchase
