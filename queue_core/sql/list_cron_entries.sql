-- Periodic jobs with the database's time, by which they are judged. Called by the leader and by control.
SELECT name, expression, timezone, kind, args, options, catch_up, dynamic, paused_at, checked_until, now() AS now
FROM {schema}.cron_entries
WHERE %(names)s::text[] IS NULL OR name = ANY (%(names)s::text[])
ORDER BY name
