-- Takes jobs of a queue with a limit over all nodes: at most global_limit executing and as many starts as the rate
-- allows, in all or per value of limit_key. Called by the producer after lock_limiter, whose lock it runs under.
-- Moves: claim.
-- Like claim_jobs but for the counting. The candidates per key are bounded, so one busy key cannot hide the others long.
WITH live AS MATERIALIZED (
    SELECT id FROM {schema}.workers
    WHERE id = %(worker_id)s AND expires_at > now() AND drain_requested_at IS NULL
    FOR KEY SHARE
), running AS (
    SELECT CASE WHEN %(by_key)s THEN coalesce(limit_key, '') ELSE '' END AS key, count(*) AS jobs
    FROM {schema}.jobs
    WHERE state = 'executing' AND queue = %(queue)s
    GROUP BY 1
), candidates AS MATERIALIZED (
    SELECT id, priority, scheduled_at, CASE WHEN %(by_key)s THEN coalesce(limit_key, '') ELSE '' END AS key
    FROM {schema}.jobs
    WHERE state = 'available' AND queue = %(queue)s AND kind = ANY (%(kinds)s::text[])
      AND attempt < max_attempts
      AND (rescues >= %(max_rescues)s) = %(solo)s
      AND EXISTS (SELECT FROM live)
    ORDER BY priority, scheduled_at, id
    LIMIT %(limit)s * 20
    FOR NO KEY UPDATE SKIP LOCKED
), ranked AS (
    SELECT c.id, c.key, c.priority, c.scheduled_at,
           row_number() OVER (PARTITION BY c.key ORDER BY c.priority, c.scheduled_at, c.id)
               + coalesce(r.jobs, 0) AS place
    FROM candidates c LEFT JOIN running r ON r.key = c.key
), chosen AS MATERIALIZED (
    SELECT id
    FROM ranked
    WHERE %(global_limit)s::int IS NULL OR place <= %(global_limit)s::int
    ORDER BY priority, scheduled_at, id
    LIMIT least(%(limit)s, coalesce((SELECT floor(tokens) FROM {schema}.limiters
                                     WHERE queue = %(queue)s AND key = ''), %(limit)s)::int)
), paid AS (
    UPDATE {schema}.limiters SET tokens = tokens - (SELECT count(*) FROM chosen)
    WHERE queue = %(queue)s AND key = '' AND tokens IS NOT NULL
)
UPDATE {schema}.jobs
SET state = 'executing', lease = lease + 1, attempt = attempt + 1, worker_id = %(worker_id)s,
    attempted_at = now(),
    unique_key = CASE WHEN unique_key IS NOT NULL AND 'executing' = ANY (unique_states) THEN unique_key END
WHERE id = ANY (ARRAY(SELECT id FROM chosen))
RETURNING id, lease, kind, queue, args, attempt, max_attempts, priority, tags, meta,
          inserted_at, scheduled_at, snoozed, rescues,
          greatest(0, extract(epoch FROM now() - scheduled_at))::float8 AS waited_s
