-- Writes a configured periodic job; what operators paused stays paused, what was checked stays checked. A changed
-- expression starts now: nothing is caught up for times that the old one did not name. Called by the leader.
INSERT INTO {schema}.cron_entries AS e (name, expression, timezone, kind, args, options, catch_up)
VALUES (%(name)s, %(expression)s, %(timezone)s, %(kind)s, %(args)s::jsonb, %(options)s::jsonb, %(catch_up)s)
ON CONFLICT (name) DO UPDATE
SET expression = excluded.expression, timezone = excluded.timezone, kind = excluded.kind, args = excluded.args,
    options = excluded.options, catch_up = excluded.catch_up, updated_at = now(),
    checked_until = CASE WHEN e.expression = excluded.expression AND e.timezone = excluded.timezone
                         THEN e.checked_until ELSE now() END
WHERE (e.expression, e.timezone, e.kind, e.args, e.options, e.catch_up)
      IS DISTINCT FROM (excluded.expression, excluded.timezone, excluded.kind, excluded.args, excluded.options,
                        excluded.catch_up)
