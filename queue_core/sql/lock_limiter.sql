-- Locks the limiter of a limited queue before its claim counts. Called by the producer in the same pipeline (and
-- transaction) as claim_limited_jobs: within the claim itself it would count by a snapshot from before the wait.
INSERT INTO {schema}.limiters AS l (queue, key, tokens)
VALUES (%(queue)s, '', %(rate_starts)s)
ON CONFLICT (queue, key) DO UPDATE
SET tokens = CASE WHEN %(rate_starts)s::float8 IS NULL THEN NULL
                  ELSE least(%(rate_starts)s::float8,
                             coalesce(l.tokens, %(rate_starts)s::float8)
                             + extract(epoch FROM clock_timestamp() - l.refilled_at)
                               * %(rate_starts)s::float8 / %(rate_period_s)s::float8) END,
    refilled_at = clock_timestamp()
