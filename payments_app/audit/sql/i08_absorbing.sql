-- I8: nobody regressed a state: the log shows no way out of an absorbing state (a capture found after
-- failed or cancelled and a refund that bounced are the exceptions, and mean an alarm), and each life
-- of a job ended once.
-- Called by audit.rows. One pass over the log and the queue's history; no locks.
WITH absorbing (aggregate, state) AS (
    VALUES ('payment', 'completed'), ('payment', 'failed'), ('payment', 'cancelled'),
           ('refund', 'completed'), ('refund', 'failed'), ('dispute', 'won'), ('dispute', 'lost'),
           ('payment_attempt', 'succeeded'), ('gateway_request', 'answered'),
           ('email_delivery', 'sent')
), ended AS (
    SELECT id, count(*) AS times FROM queue.job_history GROUP BY id
), offenders (what) AS (
    SELECT t.aggregate_id || ': ' || t.from_state || ' → ' || t.to_state
    FROM transition_log t
    JOIN absorbing a ON a.aggregate = t.aggregate AND a.state = t.from_state
    WHERE NOT (t.aggregate = 'payment' AND t.from_state IN ('failed', 'cancelled')
               AND t.to_state = 'completed')
      AND NOT (t.aggregate = 'refund' AND t.from_state = 'completed' AND t.to_state = 'failed')
    UNION ALL
    SELECT 'job ' || id || ': ended ' || times || ' times' FROM ended WHERE times > 1
    UNION ALL
    SELECT 'job ' || j.id || ': ended, and ' || j.state || ' as well'
    FROM queue.jobs j JOIN ended USING (id)
)
SELECT (SELECT count(*) FROM transition_log) + (SELECT count(*) FROM ended) AS checked,
       (SELECT count(*) FROM offenders) AS failed,
       ARRAY(SELECT what FROM offenders ORDER BY what LIMIT :examples_max) AS examples
