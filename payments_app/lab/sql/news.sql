-- What is committed, for the picture of a run: moves after a number, postings and mails. A posting
-- is shown at the moment of the move that was made in the same transaction: its own column is the
-- time at which that transaction began. Small tables of one run, so no index is needed.
SELECT 'move' AS what, 'move' || m.id AS ref, m.id AS number, extract(epoch FROM m.at) AS at_s,
       jsonb_build_object(
           'aggregate', m.aggregate, 'id', m.aggregate_id, 'from_state', m.from_state,
           'to_state', m.to_state, 'actor', m.actor, 'reason', m.reason, 'job', m.job_id) AS told
FROM transition_log m
WHERE m.id > :after
UNION ALL
SELECT 'ledger', l.id, NULL,
       extract(epoch FROM greatest(l.posted_at, (SELECT max(t.at) FROM transition_log t
                                                 WHERE t.xmin = l.xmin))),
       jsonb_build_object(
           'source', l.source_id, 'kind', l.kind, 'currency', l.currency,
           'amount_minor', (SELECT sum(x.amount_minor) FROM ledger_transfers x
                            WHERE x.posting_id = l.id),
           'transfers', (SELECT jsonb_agg(jsonb_build_object('debit', x.debit_account,
                                'credit', x.credit_account, 'amount_minor', x.amount_minor))
                         FROM ledger_transfers x WHERE x.posting_id = l.id))
FROM ledger_postings l
UNION ALL
SELECT 'mail', e.id || e.status, NULL,
       extract(epoch FROM greatest(e.created_at, e.sent_at, (SELECT max(t.at) FROM transition_log t
                                                             WHERE t.xmin = e.xmin))),
       jsonb_build_object('subject', e.subject_id, 'kind', e.kind, 'to', e.to_address,
                          'status', e.status, 'title', e.title)
FROM email_deliveries e
ORDER BY at_s, number
