-- I4, our half: one header per (source, kind); captures, refunds and disputes stand in the ledger
-- exactly as their rows say; what each invoice's postings leave on the receivable account is what it
-- still asks; customer credit is what payments hold beyond their allocations.
-- Called by audit.rows. One pass over postings and transfers; no locks.
WITH movement AS (
    SELECT l.source_type, l.source_id, l.kind, l.currency, count(t.id) AS transfers,
           coalesce(sum(CASE WHEN t.debit_account = 'gateway_clearing' THEN t.amount_minor
                             WHEN t.credit_account = 'gateway_clearing' THEN -t.amount_minor
                             ELSE 0 END), 0) AS clearing_minor,
           coalesce(sum(CASE WHEN t.debit_account = 'receivable' THEN t.amount_minor
                             WHEN t.credit_account = 'receivable' THEN -t.amount_minor
                             ELSE 0 END), 0) AS receivable_minor
    FROM ledger_postings l
    LEFT JOIN ledger_transfers t ON t.posting_id = l.id
    GROUP BY l.id
), money (source_id, kind, currency, clearing_minor) AS (
    SELECT id, 'capture', currency, captured_minor FROM payments WHERE status = 'completed'
    UNION ALL
    SELECT id, 'refund', currency, -amount_minor FROM refunds
    WHERE status = 'completed' OR bounced_at IS NOT NULL
    UNION ALL
    SELECT id, 'refund_bounced', currency, amount_minor FROM refunds WHERE bounced_at IS NOT NULL
    UNION ALL
    SELECT id, 'dispute_hold', currency, -amount_minor FROM disputes
    UNION ALL
    SELECT id, 'dispute_release', currency, amount_minor FROM disputes WHERE status = 'won'
), receivable AS (
    SELECT coalesce(p.invoice_id, rp.invoice_id, c.invoice_id, a.invoice_id, m.source_id) AS invoice_id,
           m.currency, sum(m.receivable_minor) AS receivable_minor
    FROM movement m
    LEFT JOIN payments p ON m.source_type = 'payment' AND p.id = m.source_id
    LEFT JOIN refunds r ON m.source_type = 'refund' AND r.id = m.source_id
    LEFT JOIN payments rp ON rp.id = r.payment_id
    LEFT JOIN credit_notes c ON m.source_type = 'credit_note' AND c.id = m.source_id
    LEFT JOIN credit_applications a ON m.source_type = 'credit_application' AND a.id = m.source_id
    WHERE m.source_type IN ('invoice', 'payment', 'refund', 'credit_note', 'credit_application')
    GROUP BY 1, 2
), credit (currency, in_ledger, in_payments) AS (
    SELECT currency, sum(in_ledger), sum(in_payments)
    FROM (
        SELECT l.currency,
               CASE WHEN t.credit_account = 'customer_credit' THEN t.amount_minor
                    ELSE -t.amount_minor END AS in_ledger, 0 AS in_payments
        FROM ledger_transfers t JOIN ledger_postings l ON l.id = t.posting_id
        WHERE 'customer_credit' IN (t.debit_account, t.credit_account)
        UNION ALL
        SELECT currency, 0, captured_minor - refunded_minor FROM payments WHERE captured_minor > 0
        UNION ALL
        SELECT p.currency, 0, -a.amount_minor FROM allocations a
        JOIN payments p ON p.id = a.payment_id
    ) AS sides
    GROUP BY currency
), owed AS (
    SELECT id AS invoice_id, currency,
           CASE WHEN status IN ('open', 'uncollectible')
                THEN total_minor - allocated_minor - credited_minor ELSE 0 END AS due_minor
    FROM invoices
), offenders (what) AS (
    SELECT source_id || ': ' || count(*) || ' postings of kind ' || kind
    FROM movement GROUP BY source_type, source_id, kind HAVING count(*) > 1
    UNION ALL
    SELECT source_id || ': its ' || kind || ' posting has no transfers'
    FROM movement WHERE transfers = 0
    UNION ALL
    SELECT coalesce(s.source_id, m.source_id) || ': ' || coalesce(s.kind, m.kind) || ' of '
           || coalesce(s.clearing_minor, 0) || ', the ledger says '
           || coalesce(m.clearing_minor, 0)
    FROM money s
    FULL JOIN (SELECT * FROM movement WHERE kind IN ('capture', 'refund', 'refund_bounced',
                                                     'dispute_hold', 'dispute_release')) m
           ON m.source_id = s.source_id AND m.kind = s.kind AND m.currency = s.currency
    WHERE s.clearing_minor IS DISTINCT FROM m.clearing_minor
    UNION ALL
    SELECT 'customer credit in ' || currency || ': the ledger says ' || in_ledger
           || ', payments and allocations ' || in_payments
    FROM credit WHERE in_ledger <> in_payments
    UNION ALL
    SELECT coalesce(o.invoice_id, r.invoice_id) || ': asks for ' || coalesce(o.due_minor, 0)
           || ', the ledger says ' || coalesce(r.receivable_minor, 0)
    FROM owed o
    FULL JOIN receivable r ON r.invoice_id = o.invoice_id AND r.currency = o.currency
    WHERE coalesce(o.due_minor, 0) <> coalesce(r.receivable_minor, 0)
)
SELECT (SELECT count(*) FROM ledger_postings) AS checked,
       (SELECT count(*) FROM offenders) AS failed,
       ARRAY(SELECT what FROM offenders ORDER BY what LIMIT :examples_max) AS examples
