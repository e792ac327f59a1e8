-- How far the machine of these workers is ahead of this clock, by the clock reading that it sends. Called by the
-- supervisor after each renewal. The way here counts as if the machine were behind: milliseconds, while seconds matter.
UPDATE {schema}.workers
SET clock_ahead_s = %(clock_s)s::float8 - extract(epoch FROM clock_timestamp())::float8
WHERE id = ANY (%(ids)s::uuid[])
