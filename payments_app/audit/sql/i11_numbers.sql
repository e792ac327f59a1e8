-- I11: the numbers of a series are 1, 2, 3 … up to its counter, each once. Called by audit.rows.
-- One pass over numbered rows; no locks.
WITH numbered (series, number) AS (
    SELECT 'invoice', number FROM invoices WHERE number IS NOT NULL
    UNION ALL
    SELECT 'credit_note', number FROM credit_notes WHERE number IS NOT NULL
), counted AS (
    SELECT series, number, cast(substring(number FROM '([0-9]+)$') AS bigint) AS value
    FROM numbered
), gaps AS (
    SELECT series, value, lag(value, 1, 0) OVER (PARTITION BY series ORDER BY value) AS before
    FROM (SELECT DISTINCT series, value FROM counted) AS once
), offenders (what) AS (
    SELECT series || ' ' || coalesce(cast(value AS text), 'without digits') || ': '
           || count(*) || ' times'
    FROM counted GROUP BY series, value HAVING count(*) > 1 OR value IS NULL
    UNION ALL
    SELECT series || ': ' || before + 1 || ' to ' || value - 1 || ' missing'
    FROM gaps WHERE value <> before + 1
    UNION ALL
    SELECT coalesce(s.name, c.series) || ': the counter says ' || coalesce(s.next_value - 1, 0)
           || ', the last number is ' || coalesce(max(c.value), 0)
    FROM number_series s FULL JOIN counted c ON c.series = s.name
    GROUP BY s.name, c.series, s.next_value
    HAVING coalesce(s.next_value - 1, 0) <> coalesce(max(c.value), 0)
)
SELECT (SELECT count(*) FROM numbered) AS checked,
       (SELECT count(*) FROM offenders) AS failed,
       ARRAY(SELECT what FROM offenders ORDER BY what LIMIT :examples_max) AS examples
