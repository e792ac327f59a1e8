-- I5, what is owed: the figures of a numbered invoice come out again from its lines, rounded as it
-- says. Called by audit.rows. One pass over invoices and lines; no locks.
WITH lines AS (
    SELECT i.id, i.rounding, l.tax_rate, r.minor
    FROM invoices i
    JOIN invoice_lines l ON l.invoice_id = i.id
    CROSS JOIN LATERAL (SELECT l.quantity * l.unit_amount_minor AS exact) e
    CROSS JOIN LATERAL (
        SELECT CASE WHEN i.rounding = 'half_even' AND exact - floor(exact) = 0.5
                    THEN 2 * round(exact / 2) ELSE round(exact) END AS minor
    ) r
    WHERE i.number IS NOT NULL
), taxes AS (
    SELECT g.id, sum(g.minor) AS subtotal_minor,
           sum(CASE WHEN g.rounding = 'half_even' AND e.exact - floor(e.exact) = 0.5
                    THEN 2 * round(e.exact / 2) ELSE round(e.exact) END) AS tax_minor
    FROM (SELECT id, rounding, tax_rate, sum(minor) AS minor FROM lines
          GROUP BY id, rounding, tax_rate) g
    CROSS JOIN LATERAL (SELECT g.minor * g.tax_rate / 100 AS exact) e
    GROUP BY g.id
), offenders (what) AS (
    SELECT i.id || ': says ' || i.subtotal_minor || ' and ' || i.tax_minor || ' of tax, '
           || i.total_minor || ' in all; its lines say ' || coalesce(t.subtotal_minor, 0)
           || ' and ' || coalesce(t.tax_minor, 0)
    FROM invoices i
    LEFT JOIN taxes t ON t.id = i.id
    WHERE i.number IS NOT NULL
      AND (i.subtotal_minor, i.tax_minor, i.total_minor) IS DISTINCT FROM
          (coalesce(t.subtotal_minor, 0), coalesce(t.tax_minor, 0),
           coalesce(t.subtotal_minor + t.tax_minor, 0))
)
SELECT 0 AS checked,
       (SELECT count(*) FROM offenders) AS failed,
       ARRAY(SELECT what FROM offenders ORDER BY what LIMIT :examples_max) AS examples
