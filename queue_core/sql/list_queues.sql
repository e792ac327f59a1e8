-- Queues as operators want them. Called by control.
SELECT name, process_limit, paused_at, global_limit, rate_starts, rate_period_s, limit_key_field, updated_at
FROM {schema}.queues ORDER BY name
