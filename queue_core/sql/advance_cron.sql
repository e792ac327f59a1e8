-- Up to when an entry was looked at; never backwards. Called by the leader's cron after it has fired.
UPDATE {schema}.cron_entries SET checked_until = greatest(checked_until, %(until)s)
WHERE name = %(name)s
