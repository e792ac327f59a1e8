"""The past: what was made a moment ago gets the dates that the plan has for it.

Sample data only. The log and the ledger refuse to be changed; here, in one transaction and on rows
that the seed itself has just written, that guard is taken off and put back, so that a timeline of
September does not claim to be from today. Nothing else in this project does so.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

APPEND_ONLY = ("transition_log", "ledger_postings", "allocations")

# A subject is an invoice, a payment or a refund; what hangs on it moves with it.
MOVES = (
    (
        "UPDATE invoices t SET created_at = t.created_at - m.back, paid_at = t.paid_at - m.back "
        "FROM moved m WHERE t.id = m.id"
    ),
    (
        "UPDATE payments t SET created_at = t.created_at - m.back, finished_at = t.finished_at "
        "- m.back, deadline_at = t.deadline_at - m.back FROM moved m WHERE t.id = m.id"
    ),
    (
        "UPDATE payment_attempts t SET created_at = t.created_at - m.back, sent_at = t.sent_at "
        "- m.back, resend_until = t.resend_until - m.back, answered_at = t.answered_at - m.back "
        "FROM moved m WHERE t.payment_id = m.id"
    ),
    (
        "UPDATE gateway_requests t SET created_at = t.created_at - m.back, sent_at = t.sent_at "
        "- m.back, resend_until = t.resend_until - m.back, answered_at = t.answered_at - m.back "
        "FROM moved m WHERE coalesce(t.refund_id, t.payment_id) = m.id"
    ),
    (
        "UPDATE refunds t SET created_at = t.created_at - m.back, finished_at = t.finished_at - "
        "m.back FROM moved m WHERE t.id = m.id"
    ),
    (
        "UPDATE credit_notes t SET created_at = t.created_at - m.back FROM moved m WHERE "
        "t.refund_id = m.id"
    ),
    (
        "UPDATE email_deliveries t SET created_at = t.created_at - m.back FROM moved m WHERE "
        "t.subject_id = m.id"
    ),
    (
        "UPDATE allocations t SET created_at = t.created_at - m.back FROM moved m WHERE "
        "t.source_id = m.id"
    ),
    (
        "UPDATE ledger_postings t SET posted_at = t.posted_at - m.back FROM moved m WHERE "
        "t.source_id = m.id"
    ),
    (
        "UPDATE transition_log t SET at = t.at - m.back FROM subjects s, moved m WHERE "
        "s.subject_id = t.aggregate_id AND m.id = s.id"
    ),
)
# An invoice was paid when the last of its payments was.
SETTLED = (
    (
        "UPDATE invoices i SET paid_at = p.at FROM (SELECT invoice_id, max(finished_at) AS at "
        "FROM payments WHERE status = 'completed' GROUP BY invoice_id) AS p, payments q, moved m "
        "WHERE i.status = 'paid' AND p.invoice_id = i.id AND q.invoice_id = i.id AND q.id = m.id"
    ),
    (
        "UPDATE transition_log t SET at = i.paid_at FROM invoices i, payments q, moved m "
        "WHERE t.aggregate = 'invoice' AND t.to_state = 'paid' AND t.aggregate_id = i.id "
        "AND i.paid_at IS NOT NULL AND q.invoice_id = i.id AND q.id = m.id"
    ),
)
# Somebody is a customer before the first invoice is written.
KNOWN = (
    "UPDATE customers c SET created_at = least(c.created_at, i.at - interval '1 day') FROM "
    "(SELECT customer_id, min(created_at) AS at FROM invoices JOIN moved m USING (id) "
    "GROUP BY customer_id) AS i WHERE c.id = i.customer_id"
)
# Attempts, requests and mails have log lines of their own, under their own ids.
SUBJECTS = """
CREATE TEMPORARY TABLE subjects ON COMMIT DROP AS
SELECT m.id, m.id AS subject_id FROM moved m
UNION ALL SELECT m.id, t.id FROM moved m JOIN payment_attempts t ON t.payment_id = m.id
UNION ALL SELECT m.id, t.id FROM moved m
    JOIN gateway_requests t ON coalesce(t.refund_id, t.payment_id) = m.id
UNION ALL SELECT m.id, t.id FROM moved m JOIN email_deliveries t ON t.subject_id = m.id
"""


def back_date(session: Session, moments: Mapping[str, datetime]) -> None:
    """Let each subject have begun at its moment, and all that hangs on it with it."""
    if not moments:
        return
    session.execute(
        text(
            "CREATE TEMPORARY TABLE moved ON COMMIT DROP AS"
            " SELECT w.id, s.created_at - w.moment AS back"
            " FROM unnest(cast(:ids AS text[]), cast(:moments AS timestamptz[])) AS w(id, moment)"
            " JOIN (SELECT id, created_at FROM invoices UNION ALL"
            "       SELECT id, created_at FROM payments UNION ALL"
            "       SELECT id, created_at FROM refunds) AS s ON s.id = w.id"
        ),
        {"ids": list(moments), "moments": list(moments.values())},
    )
    session.execute(text(SUBJECTS))
    for table in APPEND_ONLY:
        session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER append_only"))
    for move in (*MOVES, *SETTLED, KNOWN):
        session.execute(text(move))
    for table in APPEND_ONLY:
        session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER append_only"))
