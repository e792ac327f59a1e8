-- Ids for jobs whose row must be named before it is written (windowed uniqueness). Gaps are fine.
-- Called by enqueue. Takes no lock.
SELECT nextval('{schema}.jobs_id_seq') AS id
FROM generate_series(1, %(count)s)
