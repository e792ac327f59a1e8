-- Makes one day's partition of job_history or job_attempts; false when it is there. Called by the leader, a day a
-- statement, under a short lock_timeout: attaching waits for nobody for long, and the next tick tries again.
SELECT {schema}.make_partition(%(parent)s, (now() AT TIME ZONE 'UTC')::date + %(days_ahead)s::int) AS made
