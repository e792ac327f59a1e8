-- The unfinished jobs that hold these unique keys. Called by enqueue after a conflict: a statement of its own,
-- because the inserting one cannot see the row that it met. Uses jobs_unique, takes no lock.
SELECT id, state, unique_key
FROM {schema}.jobs
WHERE unique_key = ANY (%(keys)s::bytea[])
