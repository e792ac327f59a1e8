-- Marks one minute of one entry as fired, in the transaction that inserts its job. No row = somebody has fired it: two
-- leaders cannot fire one minute twice. Waits for a concurrent one and takes the minute when that rolls back.
-- Called by the leader's cron.
INSERT INTO {schema}.cron_runs (name, minute, job_id)
VALUES (%(name)s, %(minute)s, %(job_id)s)
ON CONFLICT DO NOTHING
RETURNING minute
