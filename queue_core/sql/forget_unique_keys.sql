-- Removes windowed keys that nobody counts any more: their time has passed, or their job is gone. Called by the leader.
WITH picked AS MATERIALIZED (
    SELECT key FROM {schema}.unique_keys
    WHERE expires_at <= now()
    ORDER BY expires_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
DELETE FROM {schema}.unique_keys WHERE key = ANY (ARRAY(SELECT key FROM picked))
RETURNING key
