-- Stops or resumes a periodic job; what was missed while it was paused is not caught up. Called by control.
UPDATE {schema}.cron_entries
SET paused_at = CASE WHEN %(paused)s THEN coalesce(paused_at, now()) END,
    checked_until = CASE WHEN %(paused)s THEN checked_until ELSE now() END, updated_at = now()
WHERE name = %(name)s
RETURNING name
