-- Who holds these windowed keys, and whether the holder still counts: its job exists and is in one of the states
-- that the key was taken for. Called by enqueue after take_unique_keys, in a statement (and snapshot) of its own.
SELECT k.key, k.job_id, j.state, j.state = ANY (k.states) AS counts
FROM {schema}.unique_keys k
LEFT JOIN {schema}.all_jobs j ON j.id = k.job_id
WHERE k.key = ANY (%(keys)s::bytea[])
