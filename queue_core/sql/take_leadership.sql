-- Takes or extends the leader lease. Called by every node's leader thread. No row = somebody else leads.
INSERT INTO {schema}.leader AS l (name, holder, node, expires_at)
VALUES ('leader', %(holder)s, %(node)s, now() + %(lease_s)s::float8 * interval '1 second')
ON CONFLICT (name) DO UPDATE
SET holder = excluded.holder, node = excluded.node, expires_at = excluded.expires_at,
    elected_at = CASE WHEN l.holder = excluded.holder THEN l.elected_at ELSE now() END
WHERE l.holder = excluded.holder OR l.expires_at <= now()
RETURNING holder
