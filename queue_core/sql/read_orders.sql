-- What operators want of this worker, once a second and at every control NOTIFY. Called by the producer.
-- Desired state lives in tables; a lost notification costs a second, not an order. One row of JSON; no lock.
SELECT
    (SELECT json_agg(json_build_object('name', name, 'process_limit', process_limit, 'paused', paused_at IS NOT NULL,
                                       'global_limit', global_limit, 'rate_starts', rate_starts,
                                       'rate_period_s', rate_period_s, 'limit_key_field', limit_key_field))
     FROM {schema}.queues WHERE name = ANY (%(queues)s::text[])) AS queues,
    (SELECT drain_requested_at IS NOT NULL FROM {schema}.workers WHERE id = %(worker_id)s) AS draining,
    (SELECT json_agg(json_build_array(id, lease, cancel_reason)) FROM {schema}.jobs
     WHERE state = 'executing' AND worker_id = %(worker_id)s AND cancel_requested_at IS NOT NULL) AS cancelled,
    NOT EXISTS (SELECT FROM {schema}.leader WHERE name = 'leader' AND expires_at > now()) AS leader_wanted,
    EXISTS (SELECT FROM {schema}.jobs WHERE state = 'available' AND rescues >= %(max_rescues)s
            AND queue = ANY (%(queues)s::text[]) AND kind = ANY (%(kinds)s::text[])) AS solo_waiting
