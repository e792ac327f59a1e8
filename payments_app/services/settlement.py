"""The capture's effects, all in the transaction that records it: once, or not at all.

Status, allocation, invoice, ledger and receipt commit together with the fact itself. The payment's
row lock and its absorbing state make the second recording a no-op; the ledger's unique header and
the allocation's unique key would refuse it anyway.
"""

from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from payments_app.documents import email_texts
from payments_app.domain.customer import Customer
from payments_app.domain.invoice import Invoice, InvoiceStatus
from payments_app.domain.ledger import Account, Allocation, PostingKind
from payments_app.domain.payment import FINAL, Payment
from payments_app.services import emails, ledger, refunds
from payments_app.services.ledger import Transfer

log = structlog.get_logger()


def complete(session: Session, payment: Payment, *, captured_minor: int, now: datetime) -> None:
    """The gateway captured: complete the payment, settle its invoice, post, send the receipt.

    The payment and its invoice are locked (``locking.lock_payment``).
    """
    _finish(payment, captured_minor, now)
    invoice = payment.invoice
    applied = min(captured_minor, invoice.due_minor)
    if applied:
        session.add(
            Allocation(
                payment_id=payment.id,
                invoice_id=invoice.id,
                source_id=payment.id,
                amount_minor=applied,
            )
        )
        invoice.allocated_minor += applied
        settle(invoice, now)
    ledger.post(
        session,
        source_type="payment",
        source_id=payment.id,
        kind=PostingKind.CAPTURE,
        currency=payment.currency,
        transfers=(
            Transfer(Account.GATEWAY_CLEARING, Account.RECEIVABLE, applied),
            # Paid more than was due by now: the customer's, kept as credit.
            Transfer(Account.GATEWAY_CLEARING, Account.CUSTOMER_CREDIT, captured_minor - applied),
        ),
        memo=invoice.number or "",
    )
    _send_receipt(session, payment, invoice)
    if payment.refund_if_captured:
        refunds.give_back(session, payment, now)


def _finish(payment: Payment, captured_minor: int, now: datetime) -> None:
    if payment.status in FINAL:
        # The fence said it could not happen, and it did. Money taken is a fact: record it, loudly.
        log.error("captured_after_end", payment=payment.id, was=str(payment.status))
        payment.move("contradict")
    else:
        payment.move("complete")
    payment.captured_minor = captured_minor
    payment.finished_at = now
    payment.next_action_at = None
    payment.must_look = False
    payment.waits = 0
    payment.failure_code = payment.failure_message = payment.review_reason = None


def settle(invoice: Invoice, now: datetime) -> None:
    """Paid, if nothing is left to pay."""
    settled = invoice.allocated_minor + invoice.credited_minor
    if settled == invoice.total_minor and invoice.status is not InvoiceStatus.PAID:
        invoice.move("settle")
        invoice.paid_at = now


def _send_receipt(session: Session, payment: Payment, invoice: Invoice) -> None:
    with session.no_autoflush:  # It reads nothing that was changed here.
        customer = session.execute(
            select(Customer.name, Customer.email).where(Customer.id == payment.customer_id)
        ).one()
    text = email_texts.receipt(payment, invoice, customer.name)
    emails.queue_email(
        session,
        subject_id=payment.id,
        kind="receipt",
        to=customer.email,
        title=text.title,
        body=text.body,
    )
