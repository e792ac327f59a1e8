-- Whether anything is left to do for `stop_when_empty`: available, executing or due in these queues and kinds, paused
-- queues aside. Called by an idle producer. Stops at the first row of each kind.
SELECT EXISTS (
    SELECT FROM {schema}.jobs j JOIN {schema}.queues q ON q.name = j.queue AND q.paused_at IS NULL
    WHERE j.queue = ANY (%(queues)s::text[]) AND j.kind = ANY (%(kinds)s::text[])
      AND (j.state = 'executing' OR (j.state = 'available' AND j.attempt < j.max_attempts)
           OR (j.state IN ('scheduled', 'retryable') AND j.scheduled_at <= now()))
) AS any
