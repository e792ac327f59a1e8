-- Version 3: a worker's row says how far its machine's clock is ahead of the database's. No lease depends on it (R10);
-- timestamps in logs and in what jobs write do, and doctor compares the nodes.
ALTER TABLE {schema}.workers ADD COLUMN clock_ahead_s double precision;

INSERT INTO {schema}.schema_version (version) VALUES (3);
