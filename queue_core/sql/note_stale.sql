-- A result that came too late: rejected by the fence, kept for the operator's feed. Called by the producer.
INSERT INTO {schema}.job_attempts (job_id, lease, attempt, worker_id, outcome, error)
SELECT i.id, i.lease, i.attempt, %(worker_id)s, 'stale', i.error
FROM unnest(%(ids)s::bigint[], %(leases)s::bigint[], %(attempts)s::int[], %(errors)s::jsonb[]) AS i(id, lease, attempt, error)
