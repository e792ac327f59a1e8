-- Seconds since the server accepts connections. Called by the reaper: after a restart every lease looks expired.
SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())::float8 AS up_s
