SELECT to_char((given - wanted) / 100.0, 'FM999990.00') AS value, given <= wanted AS ok
FROM (SELECT coalesce(sum(amount_minor), 0) AS given FROM lab.gateway_refunds) AS journal,
     (SELECT coalesce(sum(amount_minor), 0) AS wanted FROM lab.wanted_refunds) AS asked
