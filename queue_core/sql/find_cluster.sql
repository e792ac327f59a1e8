-- Whether a live worker's supervisor was there at `since` already, and when such a one last renewed; and since when the
-- oldest of those that live is up. Called by the leader's cron: `@reboot` fires when none of the old ones is left.
SELECT max(renewed_at) FILTER (WHERE supervisor_started_at <= %(since)s) AS renewed_at,
       min(supervisor_started_at) AS up_since
FROM {schema}.workers
WHERE expires_at > now()
