-- Removes windowed keys whose time has passed. Called by the leader. Bounded.
WITH picked AS MATERIALIZED (
    SELECT key FROM {schema}.unique_keys
    WHERE expires_at <= now()
    ORDER BY expires_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
DELETE FROM {schema}.unique_keys WHERE key = ANY (ARRAY(SELECT key FROM picked))
RETURNING key
