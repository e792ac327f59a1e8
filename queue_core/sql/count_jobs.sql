-- Jobs per queue and state: all unfinished ones, and what finished within the last 24 hours. Called by stats.
SELECT queue, state, count(*)::int AS jobs FROM {schema}.jobs GROUP BY queue, state
UNION ALL
SELECT queue, state, count(*)::int FROM {schema}.job_history
WHERE finished_at > now() - interval '24 hours' GROUP BY queue, state
