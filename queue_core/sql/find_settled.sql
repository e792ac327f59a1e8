-- What became of runs whose settle changed no row: 'executing' = still ours but locked, repeat; 'settled' = this very
-- lease is written as finished or ended (the reply to an earlier settle was lost); no row = stale. Called by the producer.
SELECT i.id, i.lease,
       CASE WHEN EXISTS (SELECT FROM {schema}.jobs j WHERE j.id = i.id AND j.lease = i.lease AND j.state = 'executing')
            THEN 'executing' ELSE 'settled' END AS found
FROM unnest(%(ids)s::bigint[], %(leases)s::bigint[]) AS i(id, lease)
WHERE EXISTS (SELECT FROM {schema}.jobs j WHERE j.id = i.id AND j.lease = i.lease AND j.state = 'executing')
   OR EXISTS (SELECT FROM {schema}.job_history h WHERE h.id = i.id AND h.lease = i.lease)
   OR EXISTS (SELECT FROM {schema}.job_attempts a WHERE a.job_id = i.id AND a.lease = i.lease
              AND a.outcome NOT IN ('stale', 'rescue', 'released'))
