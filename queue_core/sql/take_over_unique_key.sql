-- Windowed uniqueness, second try: takes a key from a job that no longer counts. Guarded by the version of the row that
-- was seen: of two inserters that saw the same one, the second gets no row and looks again, and so does one whose holder
-- was redriven meanwhile. Called by enqueue.
UPDATE {schema}.unique_keys
SET job_id = %(job_id)s, states = string_to_array(%(states)s, ','),
    expires_at = CASE WHEN %(period_s)s::float8 IS NULL THEN 'infinity'::timestamptz
                      ELSE coalesce(%(from_at)s::timestamptz, now() + %(from_s)s::float8 * interval '1 second', now())
                           + %(period_s)s::float8 * interval '1 second' END
WHERE key = %(key)s AND xmin::text = %(seen_version)s
RETURNING key
