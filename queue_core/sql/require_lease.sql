-- Proves that a runner still owns its job and keeps it so until the caller's transaction ends: FOR SHARE makes a
-- release wait. No row = LeaseLost. Called by lease.require.
SELECT id
FROM {schema}.jobs
WHERE id = %(id)s AND lease = %(lease)s AND state = 'executing'
FOR SHARE
