-- Which of these queues have something to claim. Called by an idle producer: unlike the claim it locks nothing, so
-- waiting writes no WAL. Uses jobs_claim, queue by queue: not as a join, whose order one kept plan could get wrong.
SELECT q.name AS queue
FROM unnest(%(queues)s::text[]) AS q(name)
WHERE (SELECT true FROM {schema}.jobs
       WHERE state = 'available' AND queue = q.name AND kind = ANY (%(kinds)s::text[])
         AND attempt < max_attempts
       LIMIT 1)
