-- How far the clocks of live nodes are ahead of the database's, as their supervisors said at the last renewal.
-- Called by doctor.
SELECT node, max(clock_ahead_s) AS ahead_s, min(clock_ahead_s) AS behind_s
FROM {schema}.workers
WHERE expires_at > now() AND clock_ahead_s IS NOT NULL
GROUP BY node
ORDER BY node
