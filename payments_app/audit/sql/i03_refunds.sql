-- I3, our half: what a payment says was given back, is reserved to be, or was used as credit is what
-- its rows say, and together no more than it captured. Called by audit.rows, which counts the refunds
-- where they are compared with the gateway. One pass over refunds and allocations; no locks.
WITH back AS (
    SELECT payment_id,
           coalesce(sum(amount_minor) FILTER (WHERE status = 'completed'), 0) AS refunded,
           coalesce(sum(amount_minor)
                    FILTER (WHERE status IN ('requested', 'processing', 'needs_review')), 0) AS reserved
    FROM refunds GROUP BY payment_id
), used AS (
    SELECT a.payment_id, sum(a.amount_minor) AS minor
    FROM allocations a JOIN credit_applications c ON c.id = a.source_id
    GROUP BY a.payment_id
), held AS (
    SELECT p.id, p.captured_minor,
           p.refunded_minor, coalesce(b.refunded, 0) AS refunded,
           p.refund_reserved_minor, coalesce(b.reserved, 0) AS reserved,
           p.credit_used_minor, coalesce(u.minor, 0) AS used
    FROM payments p
    LEFT JOIN back b ON b.payment_id = p.id
    LEFT JOIN used u ON u.payment_id = p.id
), offenders (what) AS (
    SELECT id || ': says ' || refunded_minor || ' refunded, ' || refund_reserved_minor
           || ' reserved and ' || credit_used_minor || ' used as credit; its rows say '
           || refunded || ', ' || reserved || ' and ' || used
    FROM held
    WHERE (refunded_minor, refund_reserved_minor, credit_used_minor) <> (refunded, reserved, used)
    UNION ALL
    SELECT id || ': gave ' || refunded + reserved + used || ' of ' || captured_minor || ' captured'
    FROM held WHERE refunded + reserved + used > captured_minor
)
SELECT 0 AS checked,
       (SELECT count(*) FROM offenders) AS failed,
       ARRAY(SELECT what FROM offenders ORDER BY what LIMIT :examples_max) AS examples
