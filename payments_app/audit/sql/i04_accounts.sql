-- I4, the accounts that no other half looks at: every posting is of a kind that we write, and
-- revenue, tax and the disputes' accounts hold what the rows behind each posting say. Together with
-- i04_ledger.sql this recomputes every account. Called by audit.rows. One pass over postings and
-- transfers; no locks.
WITH moved AS (
    SELECT l.source_type, l.source_id, l.kind, l.currency, side.account, sum(side.minor) AS minor
    FROM ledger_postings l
    JOIN ledger_transfers t ON t.posting_id = l.id
    CROSS JOIN LATERAL (
        VALUES (t.debit_account, t.amount_minor), (t.credit_account, -t.amount_minor)
    ) AS side (account, minor)
    WHERE side.account NOT IN ('receivable', 'gateway_clearing', 'customer_credit')
    GROUP BY l.source_type, l.source_id, l.kind, l.currency, side.account
), wanted (source_type, source_id, kind, currency, account, minor) AS (
    SELECT 'invoice', i.id, p.kind, i.currency, side.account, p.sign * side.minor
    FROM invoices i
    JOIN (VALUES ('finalize', -1), ('void', 1)) AS p (kind, sign)
      ON i.number IS NOT NULL AND (p.kind = 'finalize' OR i.status = 'void')
    CROSS JOIN LATERAL (
        VALUES ('revenue', i.subtotal_minor), ('tax', i.tax_minor)
    ) AS side (account, minor)
    UNION ALL
    SELECT 'credit_note', c.id, 'credit_note', c.currency, side.account, side.minor
    FROM credit_notes c
    CROSS JOIN LATERAL (
        VALUES ('revenue', c.amount_minor - c.tax_minor), ('tax', c.tax_minor)
    ) AS side (account, minor)
    UNION ALL
    SELECT 'dispute', id, 'dispute_hold', currency, 'disputes', amount_minor FROM disputes
    UNION ALL
    SELECT 'dispute', d.id, 'dispute_' || side.kind, d.currency, side.account,
           side.sign * d.amount_minor
    FROM disputes d
    JOIN (VALUES ('won', 'release', 'disputes', -1), ('lost', 'loss', 'disputes', -1),
                 ('lost', 'loss', 'dispute_losses', 1)) AS side (status, kind, account, sign)
      USING (status)
), offenders (what) AS (
    SELECT coalesce(m.source_id, w.source_id) || ': its ' || coalesce(m.kind, w.kind)
           || ' posting moves ' || coalesce(m.minor, 0) || ' on ' || coalesce(m.account, w.account)
           || ', its row says ' || coalesce(w.minor, 0)
    FROM moved m
    FULL JOIN (SELECT * FROM wanted WHERE minor <> 0) w
           ON (m.source_type, m.source_id, m.kind, m.currency, m.account)
            = (w.source_type, w.source_id, w.kind, w.currency, w.account)
    WHERE m.minor IS DISTINCT FROM w.minor
    UNION ALL
    SELECT source_id || ': ' || source_type || ' ' || kind || ' is no posting of ours'
    FROM ledger_postings
    WHERE (source_type, kind) NOT IN (
        ('invoice', 'finalize'), ('invoice', 'void'), ('payment', 'capture'), ('refund', 'refund'),
        ('refund', 'refund_bounced'), ('credit_note', 'credit_note'),
        ('credit_application', 'credit_applied'), ('dispute', 'dispute_hold'),
        ('dispute', 'dispute_release'), ('dispute', 'dispute_loss')
    )
)
SELECT 0 AS checked,
       (SELECT count(*) FROM offenders) AS failed,
       ARRAY(SELECT what FROM offenders ORDER BY what LIMIT :examples_max) AS examples
