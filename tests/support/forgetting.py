"""Books that lost a capture: what a processor without a fence, or a bad restore, leaves behind."""

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

_FORGET = """
UPDATE payments SET status = 'failed', captured_minor = 0 WHERE id = :id;
DELETE FROM allocations WHERE payment_id = :id;
DELETE FROM ledger_transfers
WHERE posting_id IN (SELECT id FROM ledger_postings WHERE source_id = :id);
DELETE FROM ledger_postings WHERE source_id = :id;
UPDATE invoices SET status = 'open', allocated_minor = 0, paid_at = NULL
WHERE id = (SELECT invoice_id FROM payments WHERE id = :id)
"""


def forget_the_capture(sessions: sessionmaker[Session], payment_id: str) -> None:
    """Hold a captured payment as failed.

    Only a superuser who switches the guards off can do that: our own code cannot.
    """
    with sessions.begin() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in _FORGET.split(";"):
            session.execute(text(statement), {"id": payment_id})
