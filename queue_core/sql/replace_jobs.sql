-- A conflicting insert with replace=: overwrites the named fields of a waiting twin, never of an executing one.
-- `fields` is {state: [names]}. Called by enqueue, one twin a time. One attempt is always left: a job without any would
-- be claimed by nobody.
-- Moves: replace.
UPDATE {schema}.jobs AS j
SET args = CASE WHEN %(fields)s::jsonb -> j.state ? 'args' THEN %(args)s::jsonb ELSE j.args END,
    limit_key = CASE WHEN %(fields)s::jsonb -> j.state ? 'args' THEN %(args)s::jsonb ->> d.limit_key_field
                     ELSE j.limit_key END,
    meta = CASE WHEN %(fields)s::jsonb -> j.state ? 'meta' THEN %(meta)s::jsonb ELSE j.meta END,
    tags = CASE WHEN %(fields)s::jsonb -> j.state ? 'tags' THEN %(tags)s::text[] ELSE j.tags END,
    priority = CASE WHEN %(fields)s::jsonb -> j.state ? 'priority' THEN %(priority)s ELSE j.priority END,
    max_attempts = CASE WHEN %(fields)s::jsonb -> j.state ? 'max_attempts' THEN greatest(%(max_attempts)s, j.attempt + 1)
                        ELSE j.max_attempts END,
    scheduled_at = CASE WHEN %(fields)s::jsonb -> j.state ? 'scheduled_at' THEN d.due ELSE j.scheduled_at END,
    state = CASE WHEN %(fields)s::jsonb -> j.state ? 'scheduled_at' THEN d.state ELSE j.state END,
    unique_key = CASE WHEN NOT coalesce(%(fields)s::jsonb -> j.state ? 'scheduled_at', false)
                        OR d.state = ANY (j.unique_states) THEN j.unique_key END
FROM (SELECT due, q.name AS queue, q.limit_key_field, CASE WHEN due > now() THEN 'scheduled' ELSE 'available' END AS state
      FROM coalesce(%(scheduled_at)s::timestamptz, now() + %(delay_s)s::float8 * interval '1 second', now()) AS due,
           {schema}.queues q) d
WHERE j.id = %(id)s AND d.queue = j.queue AND j.state IN ('available', 'scheduled', 'retryable')
RETURNING j.id, j.state
