-- Windowed uniqueness, first try: takes keys that nobody holds or whose time has passed. Called by enqueue with
-- distinct keys in order. What does not come back is held: see find_key_holders. Waits for a concurrent inserter
-- of the same key, and takes the key when that one rolls back.
INSERT INTO {schema}.unique_keys AS held (key, job_id, states, expires_at)
SELECT i.key, i.job_id, string_to_array(i.states, ','),
       CASE WHEN i.period_s IS NULL THEN 'infinity'::timestamptz
            ELSE coalesce(i.from_at, now() + i.from_s * interval '1 second', now()) + i.period_s * interval '1 second' END
FROM unnest(%(keys)s::bytea[], %(job_ids)s::bigint[], %(states)s::text[], %(periods_s)s::float8[],
            %(from_ats)s::timestamptz[], %(froms_s)s::float8[]) AS i(key, job_id, states, period_s, from_at, from_s)
ORDER BY i.key
ON CONFLICT (key) DO UPDATE
SET job_id = excluded.job_id, states = excluded.states, expires_at = excluded.expires_at
WHERE held.expires_at <= now()
RETURNING key, job_id
