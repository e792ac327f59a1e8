-- Ends the connections that hold a transaction open in this run's database; not the lab's own.
SELECT count(pg_terminate_backend(pid))
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND state = 'idle in transaction' AND application_name <> 'lab'
