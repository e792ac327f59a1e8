-- Removes the counters of limit keys whose rate is whole again: without a row they are. Called by the leader. Bounded.
WITH picked AS MATERIALIZED (
    SELECT l.queue, l.key FROM {schema}.limiters l LEFT JOIN {schema}.queues q ON q.name = l.queue
    WHERE l.key <> '' AND l.refilled_at < now() - coalesce(q.rate_period_s, 0) * interval '1 second'
    LIMIT %(limit)s
    FOR UPDATE OF l SKIP LOCKED
)
DELETE FROM {schema}.limiters l USING picked p WHERE l.queue = p.queue AND l.key = p.key
RETURNING l.key
