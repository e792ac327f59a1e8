-- I6: replay the transition log. Every move is in the table of legal moves (a retired one is in the log
-- of older rows only), starts where the one before it ended, and the last one leads to the state that
-- the row has now. Called by audit.rows. One sort of the log; no locks.
WITH replayed AS (
    SELECT aggregate, aggregate_id, coalesce(from_state, '') AS from_state, to_state,
           lag(to_state, 1, '') OVER line AS stood_at,
           lead(to_state) OVER line IS NULL AS is_last
    FROM transition_log
    WINDOW line AS (PARTITION BY aggregate, aggregate_id ORDER BY id)
), present (aggregate, aggregate_id, status) AS (
    SELECT 'invoice', id, status FROM invoices
    UNION ALL SELECT 'payment', id, status FROM payments
    UNION ALL SELECT 'payment_attempt', id, status FROM payment_attempts
    UNION ALL SELECT 'gateway_request', id, status FROM gateway_requests
    UNION ALL SELECT 'refund', id, status FROM refunds
    UNION ALL SELECT 'email_delivery', id, status FROM email_deliveries
    UNION ALL SELECT 'inbound_event', event_id, status FROM inbound_events
    UNION ALL SELECT 'webhook_delivery', id, status FROM webhook_deliveries
    UNION ALL SELECT 'dispute', id, status FROM disputes
    UNION ALL SELECT 'reconciliation_break', id, status FROM reconciliation_breaks
), offenders (what) AS (
    SELECT r.aggregate_id || ': illegal move ' || r.from_state || ' → ' || r.to_state
    FROM replayed r
    LEFT JOIN legal_moves m USING (aggregate, from_state, to_state)
    WHERE m.aggregate IS NULL
    UNION ALL
    SELECT aggregate_id || ': moved from ' || from_state || ' when it stood at ' || stood_at
    FROM replayed WHERE from_state <> stood_at
    UNION ALL
    SELECT p.aggregate_id || ': is ' || p.status || ', the log ends at '
           || coalesce(r.to_state, 'nothing')
    FROM present p
    LEFT JOIN replayed r
           ON r.aggregate = p.aggregate AND r.aggregate_id = p.aggregate_id AND r.is_last
    WHERE r.to_state IS DISTINCT FROM p.status
)
SELECT (SELECT count(*) FROM transition_log) AS checked,
       (SELECT count(*) FROM offenders) AS failed,
       ARRAY(SELECT what FROM offenders ORDER BY what LIMIT :examples_max) AS examples
