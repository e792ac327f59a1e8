-- Who holds these windowed keys, whether the holder still counts (its job exists and is in one of the states that the
-- key was taken for), and which version of the row says so. Called by enqueue after take_unique_keys, in a statement
-- (and snapshot) of its own.
SELECT k.key, k.job_id, k.xmin::text AS version, j.state, coalesce(j.state = ANY (k.states), false) AS counts
FROM {schema}.unique_keys k
LEFT JOIN {schema}.all_jobs j ON j.id = k.job_id
WHERE k.key = ANY (%(keys)s::bytea[])
