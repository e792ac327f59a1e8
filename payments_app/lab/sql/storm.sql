-- Whether a storm is over: payments that are not, or whose job runs just now; and what has changed.
SELECT (SELECT count(*) FROM payments p
        WHERE p.status NOT IN ('completed', 'failed', 'cancelled')
           OR EXISTS (SELECT FROM queue.jobs j WHERE j.args ->> 'payment_id' = p.id
                      AND j.kind = 'process_payment' AND j.state = 'executing')) AS open,
       (SELECT coalesce(sum(p.version), 0) FROM payments p) AS changes
