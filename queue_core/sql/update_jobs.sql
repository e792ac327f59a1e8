-- Changes waiting jobs: null leaves a field as it is. Called by control.update.
UPDATE {schema}.jobs
SET priority = coalesce(%(priority)s, priority),
    max_attempts = coalesce(%(max_attempts)s, max_attempts),
    tags = coalesce(%(tags)s::text[], tags),
    meta = coalesce(%(meta)s::jsonb, meta)
WHERE id = ANY (%(ids)s::bigint[]) AND state <> 'executing'
RETURNING id
