-- Stores many jobs of one kind that differ in their arguments alone and are not unique, in the caller's transaction.
-- Called by enqueue.insert_all.
-- Moves: insert.
-- One document for all arguments: one value to send, to parse and to plan for. Ids are given out in its order, so that
-- they need no telling apart. No rows for an unknown queue: nulls come back.
WITH written AS (
    INSERT INTO {schema}.jobs (state, queue, kind, priority, max_attempts, scheduled_at, tags, args, meta, limit_key)
    SELECT CASE WHEN due.at > now() THEN 'scheduled' ELSE 'available' END, q.name, %(kind)s::text, %(priority)s::smallint,
           %(max_attempts)s::int, due.at, %(tags)s::text[], one.args, %(meta)s::jsonb, one.args ->> q.limit_key_field
    FROM {schema}.queues q,
         LATERAL (SELECT coalesce(%(scheduled_at)s::timestamptz, now() + %(delay_s)s::float8 * interval '1 second', now()) AS at) due,
         jsonb_array_elements(%(args)s::jsonb) WITH ORDINALITY AS one(args, place)
    WHERE q.name = %(queue)s
    ORDER BY one.place
    RETURNING id, state
)
SELECT array_agg(id) AS ids, min(state) AS state FROM written
