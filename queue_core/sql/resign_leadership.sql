-- Gives the leader lease back at once. Called by a leader that stops.
DELETE FROM {schema}.leader WHERE name = 'leader' AND holder = %(holder)s
