-- Moves every stored time into the past, as if so many seconds had gone by. Called by testing.ManualClock only, in one
-- transaction: the database's clock decides, so a test moves the facts, not the clock.
WITH by AS (SELECT %(seconds)s::float8 * interval '1 second' AS shift),
jobs AS (
    UPDATE {schema}.jobs SET inserted_at = inserted_at - shift, scheduled_at = scheduled_at - shift,
        attempted_at = attempted_at - shift
    FROM by
), workers AS (
    UPDATE {schema}.workers SET expires_at = expires_at - shift, renewed_at = renewed_at - shift FROM by
), leader AS (
    UPDATE {schema}.leader SET expires_at = expires_at - shift FROM by
), keys AS (
    UPDATE {schema}.unique_keys SET expires_at = expires_at - shift FROM by WHERE expires_at < 'infinity'
), limiters AS (
    UPDATE {schema}.limiters SET refilled_at = refilled_at - shift FROM by
)
UPDATE {schema}.cron_entries SET checked_until = checked_until - shift FROM by
