-- What a verdict is made of.
SELECT (SELECT count(*) FROM lab.gateway_captures)::int AS captures,
       (SELECT coalesce(max(n), 0) FROM (
            SELECT count(*) AS n FROM lab.gateway_captures c JOIN lab.purchases USING (payment)
            GROUP BY purchase) AS per_purchase)::int AS charged,
       (SELECT coalesce(sum(amount_minor), 0) FROM lab.gateway_captures)::int AS captured_minor,
       (SELECT count(*) FROM lab.gateway_refunds)::int AS refunds,
       (SELECT count(*) FROM lab.wanted_refunds)::int AS refunds_wanted,
       (SELECT array_agg(p.status ORDER BY p.id) FROM payments p) AS statuses,
       (SELECT coalesce(max(n), 0) FROM (
            SELECT count(*) AS n FROM ledger_postings l JOIN ledger_transfers x ON x.posting_id = l.id
            JOIN lab.purchases ON payment = split_part(l.source_id, '#', 1)
            WHERE x.debit_account = 'gateway_clearing' GROUP BY payment) AS per_payment)::int
           AS postings,
       (SELECT count(*) FROM queue.jobs j WHERE j.kind = ANY(:kinds))::int AS unfinished
