-- Stores one job in the caller's transaction: most inserts, in a statement whose generic plan is as good as any, so
-- that it is planned once per connection. Called by enqueue.insert; what it does not store, insert_jobs judges.
-- Moves: insert.
-- No row comes back for an unknown queue, and where a twin is: waits for a concurrent inserter of the same key,
-- through jobs_unique, and stores when that one rolls back.
INSERT INTO {schema}.jobs (state, queue, kind, priority, max_attempts, scheduled_at, unique_key, unique_states,
                           tags, args, meta, limit_key)
SELECT CASE WHEN due.at > now() THEN 'scheduled' ELSE 'available' END, q.name, %(kind)s::text, %(priority)s::smallint,
       %(max_attempts)s::int, due.at, %(unique_key)s::bytea, string_to_array(%(unique_states)s::text, ','),
       %(tags)s::text[], %(args)s::jsonb, %(meta)s::jsonb, %(args)s::jsonb ->> q.limit_key_field
FROM {schema}.queues q,
     LATERAL (SELECT coalesce(%(scheduled_at)s::timestamptz, now() + %(delay_s)s::float8 * interval '1 second', now()) AS at) due
WHERE q.name = %(queue)s
ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL DO NOTHING
RETURNING id, state
