-- Asks executing jobs to stop: the job sees it at check_cancelled, and its settle honours it. Called by control.cancel.
UPDATE {schema}.jobs
SET cancel_requested_at = coalesce(cancel_requested_at, now()), cancel_reason = %(reason)s
WHERE id = ANY (%(ids)s::bigint[]) AND state = 'executing'
RETURNING id
