-- The rows that one payment's three commits leave behind, written out: what `workers/payment_processor.py`
-- and its services commit when nothing fails. Run by bare_payments.py, one section per commit; the
-- tables, indexes and triggers are the application's own.

-- commit: creating
UPDATE payments SET status = 'processing', version = version + 1 WHERE id = %(payment)s;
INSERT INTO gateway_requests (payment_id, op, key, params, fingerprint, status, sent_at, resend_until)
VALUES (%(payment)s, 'create_intent', %(payment)s || ':create', '{"amount": 12000}', 'of it',
        'sent', now(), now() + interval '23 hours');

-- commit: created
UPDATE gateway_requests
SET status = 'answered', outcome = 'requires_payment_method', answered_at = now(),
    detail = jsonb_build_object('intent', %(intent)s::text)
WHERE key = %(payment)s || ':create';
UPDATE payments SET gateway_intent_id = %(intent)s, version = version + 1 WHERE id = %(payment)s;
INSERT INTO payment_attempts (payment_id, n, status, payment_method, key_spent, sent_at, resend_until,
                              version)
VALUES (%(payment)s, 1, 'sent', 'pm_card_visa', false, now(), now() + interval '23 hours', 1);
INSERT INTO gateway_requests (payment_id, attempt_id, op, key, target, params, fingerprint, status,
                              sent_at, resend_until)
SELECT %(payment)s, id, 'confirm_intent', %(payment)s || ':confirm', %(intent)s,
       '{"payment_method": "pm_card_visa"}', 'of it', 'sent', now(), now() + interval '23 hours'
FROM payment_attempts WHERE payment_id = %(payment)s;

-- commit: confirmed
UPDATE gateway_requests
SET status = 'answered', outcome = 'succeeded', answered_at = now(),
    detail = jsonb_build_object('intent', %(intent)s::text, 'charge', %(charge)s::text)
WHERE key = %(payment)s || ':confirm';
UPDATE payment_attempts
SET status = 'succeeded', charge_id = %(charge)s, answered_at = now(), version = 2
WHERE payment_id = %(payment)s;
UPDATE payments
SET status = 'completed', latest_charge = %(charge)s, captured_minor = amount_minor,
    finished_at = now(), next_action_at = NULL, version = version + 1
WHERE id = %(payment)s;
INSERT INTO allocations (payment_id, invoice_id, source_id, amount_minor)
VALUES (%(payment)s, %(invoice)s, %(payment)s, 12000);
UPDATE invoices SET status = 'paid', allocated_minor = 12000, paid_at = now(), version = version + 1
WHERE id = %(invoice)s;
WITH posting AS (
    INSERT INTO ledger_postings (source_type, source_id, kind, currency, memo)
    VALUES ('payment', %(payment)s, 'capture', 'USD', '') RETURNING id
)
INSERT INTO ledger_transfers (posting_id, debit_account, credit_account, amount_minor)
SELECT id, 'gateway_clearing', 'receivable', 12000 FROM posting;
INSERT INTO email_deliveries (subject_id, kind, status, to_address, title, body, message_id, version)
VALUES (%(payment)s, 'receipt', 'queued', 'ada@example.com', 'Receipt', repeat('Paid. ', 60),
        '<' || %(payment)s || '@bare>', 1);
