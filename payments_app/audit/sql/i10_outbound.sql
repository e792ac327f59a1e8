-- I10: one outbound event per committed change of an invoice, payment, refund or dispute, in a line
-- without gaps per subject, and one delivery at most per endpoint. Called by audit.rows. One pass over
-- the log, the events and their deliveries; no locks.
WITH told AS (
    SELECT subject_id, count(*) AS events, max(seq) AS last, count(DISTINCT seq) AS places
    FROM outbound_events GROUP BY subject_id
), offenders (what) AS (
    SELECT t.aggregate_id || ': ' || t.to_state || ' (transition ' || t.id || ') was never told'
    FROM transition_log t
    LEFT JOIN outbound_events e ON e.transition_id = t.id
    WHERE t.aggregate IN ('invoice', 'payment', 'refund', 'dispute') AND e.id IS NULL
    UNION ALL
    SELECT subject_id || ': ' || events || ' events, the last is number ' || last
    FROM told WHERE events <> last OR events <> places
    UNION ALL
    SELECT event_id || ': ' || count(*) || ' deliveries to ' || endpoint_id
    FROM webhook_deliveries GROUP BY event_id, endpoint_id HAVING count(*) > 1
    UNION ALL
    SELECT e.subject_id || ': ' || e.type || ' was told of a change to ' || coalesce(t.to_state, '?')
    FROM outbound_events e
    LEFT JOIN transition_log t ON t.id = e.transition_id
    WHERE t.id IS NULL OR e.type <> t.aggregate || '.' || t.to_state
)
SELECT (SELECT count(*) FROM outbound_events) AS checked,
       (SELECT count(*) FROM offenders) AS failed,
       ARRAY(SELECT what FROM offenders ORDER BY what LIMIT :examples_max) AS examples
