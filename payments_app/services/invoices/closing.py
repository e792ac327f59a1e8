"""Closing an invoice that will not be paid: void (it should not have been sent) or uncollectible.

Neither is possible while a payment is live, because that payment may capture at any moment. Void
takes the posting back with a posting of its own; what was sent, and its number, stay.
"""

from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments_app.domain.customer import checked_text
from payments_app.domain.errors import InvalidTransition, PaymentInProgress
from payments_app.domain.invoice import Invoice, InvoiceStatus
from payments_app.domain.ledger import Account, PostingKind
from payments_app.domain.payment import LIVE, Payment
from payments_app.services import ledger
from payments_app.services.ledger import Transfer
from payments_app.services.locking import lock_invoice

# Before the move: the trigger that logs it copies the reason from the transaction.
_BECAUSE = text("SELECT set_config('app.reason', :reason, true)")


def void(
    session: Session,
    invoice_id: str,
    *,
    reason: str,
    now: datetime,  # noqa: ARG001 - asked of every verb; the log's trigger writes the time here
) -> Invoice:
    """Declare the invoice never owed. Nothing may be paid or credited on it; twice is once.

    Raises NotFound, Invalid (no reason), InvalidTransition, PaymentInProgress.
    """
    why = checked_text(reason, "reason", required=True)
    invoice = lock_invoice(session, invoice_id)
    if invoice.status is InvoiceStatus.VOID:
        return invoice
    _require_no_live_payment(session, invoice)
    if invoice.allocated_minor or invoice.credited_minor:
        # The books already hold money against it: refund with a credit note instead.
        raise InvalidTransition("invoice", "partly paid or credited", "be voided")
    session.execute(_BECAUSE, {"reason": why})
    invoice.move("void")
    session.flush()
    if invoice.number is not None:
        _take_back(session, invoice)
    return invoice


def give_up(
    session: Session,
    invoice_id: str,
    *,
    reason: str,
    now: datetime,  # noqa: ARG001 - asked of every verb; the log's trigger writes the time here
) -> Invoice:
    """Stop expecting the money. It is still owed, and may still be paid one day; twice is once.

    Raises NotFound, Invalid (no reason), InvalidTransition, PaymentInProgress.
    """
    why = checked_text(reason, "reason", required=True)
    invoice = lock_invoice(session, invoice_id)
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        return invoice
    _require_no_live_payment(session, invoice)
    session.execute(_BECAUSE, {"reason": why})
    invoice.move("give_up")
    session.flush()
    return invoice


def _require_no_live_payment(session: Session, invoice: Invoice) -> None:
    # No lock on the payment: a new one needs the invoice's lock, which is held here.
    live = session.execute(
        select(Payment.id).where(Payment.invoice_id == invoice.id, Payment.status.in_(LIVE))
    ).scalar_one_or_none()
    if live is not None:
        raise PaymentInProgress(live)


def _take_back(session: Session, invoice: Invoice) -> None:
    totals = invoice.figures()
    ledger.post(
        session,
        source_type="invoice",
        source_id=invoice.id,
        kind=PostingKind.VOID,
        currency=invoice.currency,
        transfers=(
            Transfer(Account.REVENUE, Account.RECEIVABLE, totals.subtotal_minor),
            *(
                Transfer(Account.TAX, Account.RECEIVABLE, group.tax_minor)
                for group in totals.groups
            ),
        ),
        memo=invoice.number or "",
    )
