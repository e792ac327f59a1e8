-- Extends the leases of a supervisor's children; may revive an expired row. Called by the supervisor.
-- An id that does not come back was reaped: that child must stop.
UPDATE {schema}.workers
SET expires_at = now() + %(lease_s)s::float8 * interval '1 second', renewed_at = now()
WHERE id = ANY (%(ids)s::uuid[])
RETURNING id
