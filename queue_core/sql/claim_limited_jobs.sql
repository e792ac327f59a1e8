-- Takes jobs of a queue with a limit over all nodes: at most global_limit executing and as many starts as the rate
-- allows, in all or per value of limit_key. Called by the producer after lock_limiter, whose lock it runs under.
-- Moves: claim.
-- Like claim_jobs but for the counting. Keys that may start nothing now are passed over, however many of their jobs
-- wait ahead: one busy customer must not hold up the others. A long value is counted by its hash: an index entry of
-- `limiters` holds 2,700 bytes, and one job with a longer one would fail this claim, and every other of its process.
WITH live AS MATERIALIZED (
    SELECT id FROM {schema}.workers
    WHERE id = %(worker_id)s AND expires_at > now() AND drain_requested_at IS NULL
    FOR KEY SHARE
), running AS MATERIALIZED (
    SELECT CASE WHEN NOT %(by_key)s THEN '' WHEN length(limit_key) > 200 THEN md5(limit_key)
                ELSE coalesce(limit_key, '') END AS key, count(*) AS jobs
    FROM {schema}.jobs
    WHERE state = 'executing' AND queue = %(queue)s
    GROUP BY 1
), candidates AS MATERIALIZED (
    SELECT id, priority, scheduled_at, k.key
    FROM {schema}.jobs j
    CROSS JOIN LATERAL (SELECT CASE WHEN NOT %(by_key)s THEN '' WHEN length(j.limit_key) > 200 THEN md5(j.limit_key)
                                    ELSE coalesce(j.limit_key, '') END AS key) k
    WHERE state = 'available' AND queue = %(queue)s AND kind = ANY (%(kinds)s::text[])
      AND attempt < max_attempts
      AND (rescues >= %(max_rescues)s) = %(solo)s
      AND EXISTS (SELECT FROM live)
      AND (NOT %(by_key)s OR k.key <> ALL (
               ARRAY(SELECT key FROM running WHERE jobs >= %(global_limit)s::int)))
      AND (NOT %(by_key)s OR %(rate_starts)s::float8 IS NULL OR NOT EXISTS (
               SELECT FROM {schema}.limiters l
               WHERE l.queue = %(queue)s AND l.key = k.key
                 AND l.tokens + extract(epoch FROM clock_timestamp() - l.refilled_at)
                     * %(rate_starts)s::float8 / %(rate_period_s)s::float8 < 1))
    ORDER BY priority, scheduled_at, id
    LIMIT %(limit)s * 20
    FOR NO KEY UPDATE OF j SKIP LOCKED
), ranked AS (
    SELECT c.id, c.key, c.priority, c.scheduled_at, c.place, c.place + coalesce(r.jobs, 0) AS at_once,
           least(%(rate_starts)s::float8,
                 coalesce(l.tokens, %(rate_starts)s::float8)
                 + coalesce(extract(epoch FROM clock_timestamp() - l.refilled_at), 0)
                   * %(rate_starts)s::float8 / %(rate_period_s)s::float8) AS tokens
    FROM (SELECT *, row_number() OVER (PARTITION BY key ORDER BY priority, scheduled_at, id) AS place
          FROM candidates) c
    LEFT JOIN running r ON r.key = c.key
    LEFT JOIN {schema}.limiters l ON l.queue = %(queue)s AND l.key = c.key
), chosen AS MATERIALIZED (
    SELECT id, key, tokens
    FROM ranked
    WHERE (%(global_limit)s::int IS NULL OR at_once <= %(global_limit)s::int)
      AND (tokens IS NULL OR place <= floor(tokens))
    ORDER BY priority, scheduled_at, id
    LIMIT %(limit)s
), paid AS (
    INSERT INTO {schema}.limiters (queue, key, tokens, refilled_at)
    SELECT %(queue)s, key, min(tokens) - count(*), clock_timestamp()
    FROM chosen
    WHERE tokens IS NOT NULL
    GROUP BY key
    ON CONFLICT (queue, key) DO UPDATE SET tokens = excluded.tokens, refilled_at = excluded.refilled_at
)
UPDATE {schema}.jobs
SET state = 'executing', lease = lease + 1, attempt = attempt + 1, worker_id = %(worker_id)s,
    attempted_at = now(),
    unique_key = CASE WHEN unique_key IS NOT NULL AND 'executing' = ANY (unique_states) THEN unique_key END
WHERE id = ANY (ARRAY(SELECT id FROM chosen))
RETURNING id, lease, kind, queue, args, attempt, max_attempts, priority, tags, meta,
          inserted_at, scheduled_at, snoozed, rescues,
          greatest(0, extract(epoch FROM now() - scheduled_at))::float8 AS waited_s
