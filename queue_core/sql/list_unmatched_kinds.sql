-- Jobs that no live worker can take: none has both their queue and their kind. Called by doctor.
SELECT w.queue, w.kind, w.jobs, w.suspended
FROM (
    SELECT queue, kind, count(*)::bigint AS jobs, count(*) FILTER (WHERE state = 'suspended')::bigint AS suspended
    FROM {schema}.jobs
    WHERE state = 'available' OR (state = 'suspended' AND meta ->> 'suspended_by' = 'unknown_kind')
    GROUP BY queue, kind
) w
WHERE NOT EXISTS (SELECT FROM {schema}.workers l
                  WHERE l.expires_at > now() AND w.queue = ANY (l.queues) AND w.kind = ANY (l.kinds))
ORDER BY w.jobs DESC, w.queue, w.kind
LIMIT %(limit)s
