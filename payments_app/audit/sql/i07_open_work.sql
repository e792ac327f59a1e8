-- I7: an open payment or refund (needs_review counts) has its next action in the future, or a live
-- job. Five seconds of grace: a job that is on time may just be ending. Called by audit.rows.
-- Uses payments_open; the queue's hot table holds unfinished jobs only. No locks.
WITH open_work (id, status, next_action_at) AS (
    SELECT id, status, next_action_at FROM payments
    WHERE status IN ('pending', 'processing', 'needs_review')
    UNION ALL
    SELECT id, status, next_action_at FROM refunds
    WHERE status IN ('requested', 'processing', 'needs_review')
), live (id) AS (
    SELECT args ->> 'payment_id' FROM queue.jobs WHERE kind = 'process_payment'
    UNION
    SELECT args ->> 'refund_id' FROM queue.jobs WHERE kind = 'process_refund'
), offenders (what) AS (
    SELECT o.id || ': ' || o.status || ', next action '
           || coalesce('was due at ' || o.next_action_at, 'never') || ', no live job'
    FROM open_work o
    LEFT JOIN live ON live.id = o.id
    WHERE live.id IS NULL
      AND (o.next_action_at IS NULL
           OR o.next_action_at <= cast(:now AS timestamptz) - interval '5 seconds')
)
SELECT (SELECT count(*) FROM open_work) AS checked,
       (SELECT count(*) FROM offenders) AS failed,
       ARRAY(SELECT what FROM offenders ORDER BY what LIMIT :examples_max) AS examples
