-- Removes a periodic job; its history stays. Called by control. No row = no such entry.
DELETE FROM {schema}.cron_entries WHERE name = %(name)s
RETURNING name
