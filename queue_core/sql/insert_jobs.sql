-- Stores jobs in the caller's transaction. Called by enqueue.insert and insert_all.
-- Moves: insert.
-- The join on queues refuses unknown ones: their positions do not come back, and then nothing is written. A position
-- without a state met a twin: by jobs_unique (DO NOTHING), or, where its own state is none of its unique states (an
-- available job, unique among scheduled ones), by looking. Written in key order: opposite orders deadlock.
WITH input AS MATERIALIZED (
    SELECT coalesce(o.id, nextval('{schema}.jobs_id_seq')) AS id, o.position, o.queue, o.kind, o.priority,
           o.max_attempts, o.scheduled_at, o.unique_key, o.unique_states, o.window_key, o.tags, o.args, o.meta, o.limit_key_field,
           CASE WHEN o.suspended THEN 'suspended'
                WHEN o.scheduled_at > now() THEN 'scheduled'
                ELSE 'available' END AS state
    FROM (
        SELECT i.position, i.id, i.queue, i.kind, i.priority, i.max_attempts, i.suspended, i.unique_key,
               i.window_key, string_to_array(i.unique_states, ',') AS unique_states,
               coalesce(i.scheduled_at, now() + i.delay_s * interval '1 second', now()) AS scheduled_at,
               CASE WHEN i.tags = '[]' THEN '{}'::text[]
                    ELSE ARRAY(SELECT jsonb_array_elements_text(i.tags::jsonb)) END AS tags,
               i.args, i.meta, q.limit_key_field
        FROM unnest(%(ids)s::bigint[], %(queues)s::text[], %(kinds)s::text[], %(priorities)s::smallint[],
                    %(max_attempts)s::int[], %(scheduled_ats)s::timestamptz[], %(delays_s)s::float8[],
                    %(suspended)s::boolean[], %(unique_keys)s::bytea[], %(unique_states)s::text[],
                    %(window_keys)s::bytea[], %(tags)s::text[], %(args)s::jsonb[], %(metas)s::jsonb[])
             WITH ORDINALITY AS i(id, queue, kind, priority, max_attempts, scheduled_at, delay_s, suspended,
                                  unique_key, unique_states, window_key, tags, args, meta, position)
             JOIN {schema}.queues q ON q.name = i.queue
        ORDER BY i.position
    ) o
), written AS (
    INSERT INTO {schema}.jobs (id, state, queue, kind, priority, max_attempts, scheduled_at,
                               unique_key, unique_states, window_key, tags, args, meta, limit_key)
    SELECT id, state, queue, kind, priority, max_attempts, scheduled_at,
           CASE WHEN state = ANY (unique_states) THEN unique_key END, unique_states, window_key, tags, args, meta,
           args ->> limit_key_field
    FROM input
    WHERE (SELECT count(*) FROM input) = cardinality(%(queues)s::text[])
      AND (unique_key IS NULL OR state = ANY (unique_states)
           OR coalesce((SELECT false FROM {schema}.jobs t WHERE t.unique_key = input.unique_key),
                       (SELECT false FROM input e
                        WHERE e.unique_key = input.unique_key AND e.position < input.position
                          AND e.state = ANY (e.unique_states) LIMIT 1), true))
    ORDER BY unique_key NULLS FIRST, position
    ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL DO NOTHING
    RETURNING id, state
)
SELECT input.position, input.id, written.state
FROM input LEFT JOIN written USING (id)
