-- Per queue: is it paused, how many wait and how long already, how many run, did any start lately, who serves it.
-- Called by doctor. Reads the hot table once.
SELECT q.name, q.paused_at IS NOT NULL AS paused,
       extract(epoch FROM now() - q.paused_at)::float8 AS paused_s,
       coalesce(j.waiting, 0)::bigint AS waiting, coalesce(j.oldest_s, 0)::float8 AS oldest_s,
       coalesce(j.executing, 0)::bigint AS executing,
       coalesce(j.last_start > now() - %(lately_s)s::float8 * interval '1 second', false)
           OR EXISTS (SELECT FROM {schema}.job_history h
                      WHERE h.queue = q.name AND h.finished_at > now() - %(lately_s)s::float8 * interval '1 second')
           AS is_moving,
       (SELECT count(*) FROM {schema}.workers w
        WHERE w.expires_at > now() AND w.drain_requested_at IS NULL AND q.name = ANY (w.queues))::bigint AS workers
FROM {schema}.queues q
LEFT JOIN (
    SELECT queue, count(*) FILTER (WHERE state = 'available') AS waiting,
           extract(epoch FROM now() - min(scheduled_at) FILTER (WHERE state = 'available')) AS oldest_s,
           count(*) FILTER (WHERE state = 'executing') AS executing, max(attempted_at) AS last_start
    FROM {schema}.jobs GROUP BY queue
) j ON j.queue = q.name
ORDER BY q.name
