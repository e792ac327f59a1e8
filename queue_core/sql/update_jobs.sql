-- Changes waiting jobs: null leaves a field as it is, meta is merged. Called by control.update. One attempt is always
-- left: a job without any would be claimed by nobody and wait for ever.
UPDATE {schema}.jobs
SET priority = coalesce(%(priority)s, priority),
    max_attempts = greatest(coalesce(%(max_attempts)s, max_attempts), attempt + 1),
    tags = coalesce(%(tags)s::text[], tags),
    meta = meta || coalesce(%(meta)s::jsonb, '{}')
WHERE id = ANY (%(ids)s::bigint[]) AND state <> 'executing'
RETURNING id
