-- Moves every stored time into the past, as if so many seconds had gone by. Called by testing.ManualClock only, in one
-- transaction: the database's clock decides, so a test moves the facts, not the clock. Minutes that have fired are
-- written anew, in order: an UPDATE would meet its own next row.
WITH by AS (SELECT %(seconds)s::float8 * interval '1 second' AS shift),
jobs AS (
    UPDATE {schema}.jobs SET inserted_at = inserted_at - shift, scheduled_at = scheduled_at - shift,
        attempted_at = attempted_at - shift, cancel_requested_at = cancel_requested_at - shift,
        wake_requested_at = wake_requested_at - shift
    FROM by
), history AS (
    UPDATE {schema}.job_history SET inserted_at = inserted_at - shift, scheduled_at = scheduled_at - shift,
        attempted_at = attempted_at - shift, finished_at = finished_at - shift
    FROM by
), attempts AS (
    UPDATE {schema}.job_attempts SET started_at = started_at - shift, ended_at = ended_at - shift FROM by
), workers AS (
    UPDATE {schema}.workers SET expires_at = expires_at - shift, renewed_at = renewed_at - shift,
        started_at = started_at - shift, supervisor_started_at = supervisor_started_at - shift
    FROM by
), leader AS (
    UPDATE {schema}.leader SET expires_at = expires_at - shift, elected_at = elected_at - shift FROM by
), keys AS (
    UPDATE {schema}.unique_keys SET expires_at = expires_at - shift FROM by WHERE expires_at < 'infinity'
), limiters AS (
    UPDATE {schema}.limiters SET refilled_at = refilled_at - shift FROM by
), fired AS (
    DELETE FROM {schema}.cron_runs RETURNING *
), runs AS (
    INSERT INTO {schema}.cron_runs (name, minute, job_id, inserted_at)
    SELECT name, minute - shift, job_id, inserted_at - shift FROM fired, by ORDER BY name, minute
)
UPDATE {schema}.cron_entries SET checked_until = checked_until - shift FROM by
