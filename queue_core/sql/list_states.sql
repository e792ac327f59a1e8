-- The states of these jobs: why a verb left one of them out. Called by control. Takes no lock.
SELECT id, state FROM {schema}.all_jobs WHERE id = ANY (%(ids)s::bigint[])
