-- How many jobs an operator's filter means, without a bound. Called by control.count_jobs.
SELECT count(*) AS jobs
FROM {schema}.all_jobs
WHERE state = ANY (%(states)s::text[])
  AND (%(ids)s::bigint[] IS NULL OR id = ANY (%(ids)s::bigint[]))
  AND (%(queue)s::text IS NULL OR queue = %(queue)s)
  AND (%(kind)s::text IS NULL OR kind = %(kind)s)
  AND (%(tag)s::text IS NULL OR %(tag)s = ANY (tags))
  AND (%(args)s::jsonb IS NULL OR args @> %(args)s::jsonb)
