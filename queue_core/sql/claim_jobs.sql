-- Takes available jobs of one queue for one worker process. Called by the producer, and by drain in tests.
-- Moves: claim.
-- A claim needs a live worker row, locked FOR KEY SHARE before any job is picked: the reaper's DELETE waits for
-- claims in flight, and after it no claim can commit. Walks jobs_claim; ANY (ARRAY(…)) keeps LIMIT honest, and takes
-- rows where they were locked (one that moved meanwhile is left like a locked one). Spent rows are passed over here,
-- because one of them must never stop a queue. RETURNING has no order: sort.
WITH picked AS MATERIALIZED (
    SELECT ctid AS place
    FROM {schema}.jobs
    WHERE state = 'available' AND queue = %(queue)s AND kind = ANY (%(kinds)s::text[])
      AND attempt < max_attempts
      AND (rescues >= %(max_rescues)s) = %(solo)s
      AND EXISTS (SELECT FROM {schema}.workers
                  WHERE id = %(worker_id)s AND expires_at > now() AND drain_requested_at IS NULL
                  FOR KEY SHARE)
    ORDER BY priority, scheduled_at, id
    LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE {schema}.jobs
SET state = 'executing', lease = lease + 1, attempt = attempt + 1, worker_id = %(worker_id)s,
    attempted_at = now(),
    unique_key = CASE WHEN unique_key IS NOT NULL AND 'executing' = ANY (unique_states) THEN unique_key END
WHERE ctid = ANY (ARRAY(SELECT place FROM picked))
RETURNING id, lease, kind, queue, args, attempt, max_attempts, priority, tags, meta,
          inserted_at, scheduled_at, snoozed, rescues,
          greatest(0, extract(epoch FROM now() - scheduled_at))::float8 AS waited_s
