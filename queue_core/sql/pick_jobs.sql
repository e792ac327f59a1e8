-- The ids that an operator's filter means, oldest first, in a bounded batch. Called by every bulk verb of control and
-- alone for a dry run. The verb checks the state again: nothing is locked here.
SELECT id
FROM {schema}.all_jobs
WHERE state = ANY (%(states)s::text[])
  AND (%(ids)s::bigint[] IS NULL OR id = ANY (%(ids)s::bigint[]))
  AND (%(queue)s::text IS NULL OR queue = %(queue)s)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(tag)s::text IS NULL OR %(tag)s = ANY (tags))
  AND (%(args)s::jsonb IS NULL OR args @> %(args)s::jsonb)
ORDER BY id
LIMIT %(limit)s
