-- I5: paid means net allocations + credits = total, both recomputed from their rows. Called by
-- audit.rows. One pass over invoices, allocations and credit notes; no locks.
WITH allocated AS (
    SELECT invoice_id, sum(amount_minor) AS minor FROM allocations GROUP BY invoice_id
), credited AS (
    SELECT invoice_id, sum(amount_minor) AS minor FROM credit_notes GROUP BY invoice_id
), settled AS (
    SELECT i.id, i.status, i.total_minor, i.allocated_minor, i.credited_minor,
           coalesce(a.minor, 0) AS from_payments, coalesce(c.minor, 0) AS from_credits
    FROM invoices i
    LEFT JOIN allocated a ON a.invoice_id = i.id
    LEFT JOIN credited c ON c.invoice_id = i.id
), offenders (what) AS (
    SELECT id || ': ' || status || ', total ' || total_minor || ', settled '
           || from_payments + from_credits
    FROM settled
    WHERE status IN ('open', 'paid', 'uncollectible')
      AND (status = 'paid') <> (from_payments + from_credits = total_minor)
    UNION ALL
    SELECT id || ': says ' || allocated_minor || ' allocated and ' || credited_minor
           || ' credited; its rows say ' || from_payments || ' and ' || from_credits
    FROM settled
    WHERE (allocated_minor, credited_minor) <> (from_payments, from_credits)
)
SELECT (SELECT count(*) FROM invoices) AS checked,
       (SELECT count(*) FROM offenders) AS failed,
       ARRAY(SELECT what FROM offenders ORDER BY what LIMIT :examples_max) AS examples
