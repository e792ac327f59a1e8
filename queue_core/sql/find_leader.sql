-- Live worker processes, and since when the leader's lease is over (negative: it holds). Called by doctor and metrics.
SELECT (SELECT count(*) FROM {schema}.workers WHERE expires_at > now())::bigint AS workers,
       l.node, l.holder, extract(epoch FROM now() - l.expires_at)::float8 AS late_s
FROM (SELECT) one LEFT JOIN {schema}.leader l ON l.name = 'leader'
