-- What the end of a run is waited for by: rows that no longer change, and jobs that have ended.
-- `runs` grows each time a worker takes one of these jobs.
SELECT (SELECT count(*) FROM queue.jobs j WHERE j.kind = ANY(:kinds)) AS unfinished,
       (SELECT count(*) FROM queue.jobs j WHERE j.kind = ANY(:kinds) AND j.state = 'executing')
           AS executing,
       (SELECT coalesce(sum(a.lease), 0) FROM queue.all_jobs a WHERE a.kind = ANY(:kinds)) AS runs,
       (SELECT count(*) FROM payments p
        WHERE p.status IN ('pending', 'processing', 'needs_review')) AS open_payments,
       (SELECT coalesce(sum(p.version), 0) FROM payments p)
           + (SELECT count(*) FROM ledger_postings)
           + (SELECT coalesce(sum(r.version), 0) FROM refunds r)
           + (SELECT count(*) FROM inbound_events e WHERE e.status <> 'received') AS changes
