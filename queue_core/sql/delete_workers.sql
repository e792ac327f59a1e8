-- Ends workers that are known to be dead, before their jobs are released. Called by the supervisor and by tests.
-- Waits for claims in flight (FOR KEY SHARE): after it commits, none can follow.
DELETE FROM {schema}.workers WHERE id = ANY (%(ids)s::uuid[])
RETURNING id
