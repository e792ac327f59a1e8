-- Writes a periodic job; what operators paused stays paused, what was checked stays checked. A changed expression starts
-- now: nothing is caught up for times that the old one did not name. A new @reboot has never been looked at.
-- Called by the leader with what the code declares, and by control with what an operator adds (dynamic).
INSERT INTO {schema}.cron_entries AS e (name, expression, timezone, kind, args, options, catch_up, dynamic, checked_until)
VALUES (%(name)s, %(expression)s, %(timezone)s, %(kind)s, %(args)s::jsonb, %(options)s::jsonb, %(catch_up)s,
        %(dynamic)s, CASE WHEN %(expression)s = '@reboot' THEN 'epoch' ELSE now() END)
ON CONFLICT (name) DO UPDATE
SET expression = excluded.expression, timezone = excluded.timezone, kind = excluded.kind, args = excluded.args,
    options = excluded.options, catch_up = excluded.catch_up, dynamic = excluded.dynamic, updated_at = now(),
    checked_until = CASE WHEN e.expression = excluded.expression AND e.timezone = excluded.timezone
                         THEN e.checked_until ELSE excluded.checked_until END
WHERE (e.expression, e.timezone, e.kind, e.args, e.options, e.catch_up, e.dynamic)
      IS DISTINCT FROM (excluded.expression, excluded.timezone, excluded.kind, excluded.args, excluded.options,
                        excluded.catch_up, excluded.dynamic)
RETURNING name
