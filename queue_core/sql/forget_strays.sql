-- Deletes what fell into the net (the DEFAULT partitions) once its retention is over: no DROP reaches it there.
-- Called by the leader's retention. Bounded; empty as a rule, and then it costs nothing.
WITH keep AS (
    SELECT * FROM (VALUES ('completed', %(completed)s::int), ('cancelled', %(cancelled)s::int),
                          ('discarded', %(discarded)s::int)) AS v(state, days)
), jobs AS (
    DELETE FROM {schema}.job_history_default d
    WHERE d.ctid = ANY (ARRAY(
        SELECT s.ctid FROM {schema}.job_history_default s JOIN keep USING (state)
        WHERE s.finished_at < now() - keep.days * interval '1 day' LIMIT %(limit)s))
    RETURNING 1
), attempts AS (
    DELETE FROM {schema}.job_attempts_default d
    WHERE d.ctid = ANY (ARRAY(
        SELECT s.ctid FROM {schema}.job_attempts_default s
        WHERE s.ended_at < now() - (SELECT max(days) FROM keep) * interval '1 day' LIMIT %(limit)s))
    RETURNING 1
)
SELECT greatest((SELECT count(*) FROM jobs), (SELECT count(*) FROM attempts)) AS deleted
