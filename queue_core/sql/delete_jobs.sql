-- Removes jobs for good, finished or waiting; never one that executes. Called by control.delete.
WITH hot AS (
    DELETE FROM {schema}.jobs WHERE id = ANY (%(ids)s::bigint[]) AND state <> 'executing' RETURNING id
), cold AS (
    DELETE FROM {schema}.job_history WHERE id = ANY (%(ids)s::bigint[]) RETURNING id
)
SELECT id FROM hot UNION SELECT id FROM cold
