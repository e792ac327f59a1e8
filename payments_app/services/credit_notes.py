"""Credit notes get their number here, in a transaction of their own.

The refund that caused one has made the row and posted it. Numbering it there would make every
refund wait for every other at the series' row, and a payment must not wait for a counter.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments_app.documents import frozen
from payments_app.documents.frozen import Frozen
from payments_app.domain.errors import NotFound
from payments_app.domain.invoice import CreditNote
from payments_app.services import numbering
from payments_app.services.locking import lock_invoice


def issue(session: Session, credit_note_id: str, *, now: datetime) -> Frozen:
    """Number the credit note, once; what its document says. Raises NotFound."""
    invoice_id = session.execute(
        select(CreditNote.invoice_id).where(CreditNote.id == credit_note_id)
    ).scalar_one_or_none()
    if invoice_id is None:
        raise NotFound("credit note", credit_note_id)
    invoice = lock_invoice(session, invoice_id)
    note = session.execute(
        select(CreditNote)
        .where(CreditNote.id == credit_note_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()
    if note.number is None:
        note.issued_at = now
        # The last lock; the note's own row is already held.
        with session.no_autoflush:
            note.number = numbering.take(session, numbering.Series.CREDIT_NOTE)
        session.flush()
    return frozen.credit_note_document(note, invoice)
