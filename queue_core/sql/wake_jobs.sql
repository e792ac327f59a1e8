-- A conflicting insert with wake=True: a waiting twin becomes available now, an executing one remembers that it was
-- asked and runs again when it settles. Called by enqueue, with keys, or with ids where the key is a windowed one.
-- Moves: wake.
-- Locks rows in one order. Waits for a settle in flight: a twin that has finished meanwhile does not come back.
WITH picked AS MATERIALIZED (
    SELECT id FROM {schema}.jobs
    WHERE unique_key = ANY (%(keys)s::bytea[]) OR id = ANY (%(ids)s::bigint[])
    ORDER BY unique_key, id
    FOR NO KEY UPDATE
)
UPDATE {schema}.jobs AS j
SET state = CASE WHEN j.state IN ('scheduled', 'retryable') THEN 'available' ELSE j.state END,
    scheduled_at = CASE WHEN j.state IN ('scheduled', 'retryable') THEN now() ELSE j.scheduled_at END,
    wake_requested_at = CASE WHEN j.state = 'executing' THEN now() END,
    unique_key = CASE WHEN j.state IN ('scheduled', 'retryable') AND NOT 'available' = ANY (j.unique_states)
                      THEN NULL ELSE j.unique_key END
FROM {schema}.jobs AS before
WHERE j.id = ANY (ARRAY(SELECT id FROM picked)) AND before.id = j.id
RETURNING j.id, j.state, coalesce(j.unique_key, before.unique_key) AS unique_key
