-- Changes waiting jobs: null leaves a field as it is, meta is merged. Called by control.update.
UPDATE {schema}.jobs
SET priority = coalesce(%(priority)s, priority),
    max_attempts = coalesce(%(max_attempts)s, max_attempts),
    tags = coalesce(%(tags)s::text[], tags),
    meta = meta || coalesce(%(meta)s::jsonb, '{}')
WHERE id = ANY (%(ids)s::bigint[]) AND state <> 'executing'
RETURNING id
