-- Jobs for pages and the command line, newest first, by filter; `before_id` continues a list. Called by control.
SELECT id, kind, queue, state, attempt, max_attempts, lease, priority, snoozed, rescues, args, meta, tags,
       inserted_at, scheduled_at, attempted_at, finished_at, cancel_requested_at, worker_id, error, result
FROM {schema}.all_jobs
WHERE (%(states)s::text[] IS NULL OR state = ANY (%(states)s::text[]))
  AND (%(ids)s::bigint[] IS NULL OR id = ANY (%(ids)s::bigint[]))
  AND (%(queue)s::text IS NULL OR queue = %(queue)s)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(tag)s::text IS NULL OR %(tag)s = ANY (tags))
  AND (%(args)s::jsonb IS NULL OR args @> %(args)s::jsonb)
  AND (%(before_id)s::bigint IS NULL OR id < %(before_id)s)
ORDER BY id DESC
LIMIT %(limit)s
