-- Deletes the history of periodic jobs once it is older than any job's. Those minutes cannot fire again: every entry
-- has been checked up to a later time. Called by the leader's retention. Bounded.
DELETE FROM {schema}.cron_runs r
WHERE (r.name, r.minute) IN (
    SELECT c.name, c.minute
    FROM {schema}.cron_runs c LEFT JOIN {schema}.cron_entries e USING (name)
    WHERE c.inserted_at < now() - %(days)s * interval '1 day'
      AND c.minute < coalesce(e.checked_until, 'infinity')
    LIMIT %(limit)s)
RETURNING r.name
