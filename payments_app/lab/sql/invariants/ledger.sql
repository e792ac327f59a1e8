SELECT to_char(abs(ours - theirs) / 100.0, 'FM999990.00') AS value, ours = theirs AS ok
FROM (SELECT coalesce(sum(amount_minor) FILTER (WHERE debit_account = 'gateway_clearing'), 0)
           - coalesce(sum(amount_minor) FILTER (WHERE credit_account = 'gateway_clearing'), 0) AS ours
      FROM ledger_transfers) AS books,
     (SELECT (SELECT coalesce(sum(amount_minor), 0) FROM lab.gateway_captures)
           - (SELECT coalesce(sum(amount_minor), 0) FROM lab.gateway_refunds) AS theirs) AS journal
