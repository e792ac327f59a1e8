"""A refund's effects, in the transaction that records it: counted once, or not at all."""

from datetime import datetime

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

import queue_core
from payments_app.documents import email_texts
from payments_app.domain.customer import Customer
from payments_app.domain.invoice import CreditNote, Invoice, InvoiceStatus
from payments_app.domain.ledger import Account, Allocation, PostingKind
from payments_app.domain.money import split
from payments_app.domain.payment import Payment
from payments_app.domain.refund import Refund
from payments_app.jobs import IssueCreditNote
from payments_app.services import emails, ledger
from payments_app.services.ledger import Transfer

log = structlog.get_logger()


def complete(session: Session, payment: Payment, refund: Refund, now: datetime) -> None:
    """The gateway has sent the money back: payment, allocation, invoice, ledger, notice."""
    refund.move("complete")
    _end(payment, refund, now)
    payment.refunded_minor += refund.amount_minor
    from_invoice = _take_back(session, payment, refund)
    ledger.post(
        session,
        source_type="refund",
        source_id=refund.id,
        kind=PostingKind.REFUND,
        currency=refund.currency,
        transfers=(
            Transfer(Account.RECEIVABLE, Account.GATEWAY_CLEARING, from_invoice),
            Transfer(
                Account.CUSTOMER_CREDIT,
                Account.GATEWAY_CLEARING,
                refund.amount_minor - from_invoice,
            ),
        ),
    )
    if from_invoice:
        _settle_invoice(session, payment.invoice, refund, from_invoice)
    session.flush()
    _send_notice(session, payment, refund)


def fail(payment: Payment, refund: Refund, code: str, now: datetime) -> None:
    """The gateway refused: nothing moved, the reservation is released."""
    refund.move("fail")
    refund.failure_code = code
    _end(payment, refund, now)


def bounce(session: Session, payment: Payment, refund: Refund, code: str, now: datetime) -> None:
    """The money that was given back has come back to us: it is the customer's, kept as credit.

    The invoice and its credit note stay as they are; the credit can be refunded again, or used.
    """
    refund.move("bounce")
    refund.failure_code = code
    refund.bounced_at = now
    payment.refunded_minor -= refund.amount_minor
    ledger.post(
        session,
        source_type="refund",
        source_id=refund.id,
        kind=PostingKind.REFUND_BOUNCED,
        currency=refund.currency,
        transfers=(
            Transfer(Account.GATEWAY_CLEARING, Account.CUSTOMER_CREDIT, refund.amount_minor),
        ),
    )
    session.flush()
    log.error("refund_bounced", refund=refund.id, payment=payment.id, code=code)


def _end(payment: Payment, refund: Refund, now: datetime) -> None:
    payment.refund_reserved_minor -= refund.amount_minor
    refund.finished_at = now
    refund.next_action_at = None
    refund.review_reason = None


def _take_back(session: Session, payment: Payment, refund: Refund) -> int:
    """How much of the refund comes off the invoice: what was kept as credit is returned first."""
    allocated = session.scalar(
        select(func.coalesce(func.sum(Allocation.amount_minor), 0)).where(
            Allocation.payment_id == payment.id
        )
    )
    on_invoice = int(allocated or 0)
    refunded_before = payment.refunded_minor - refund.amount_minor
    credit_left = payment.captured_minor - refunded_before - on_invoice
    from_invoice = refund.amount_minor - min(refund.amount_minor, max(credit_left, 0))
    if from_invoice:
        session.add(
            Allocation(
                payment_id=payment.id,
                invoice_id=payment.invoice_id,
                source_id=refund.id,
                amount_minor=-from_invoice,
            )
        )
    return from_invoice


def _settle_invoice(session: Session, invoice: Invoice, refund: Refund, amount_minor: int) -> None:
    invoice.allocated_minor -= amount_minor
    if refund.with_credit_note:
        _credit(session, invoice, refund, amount_minor)
    elif invoice.status is InvoiceStatus.PAID:
        invoice.move("reopen")
        invoice.paid_at = None
    session.flush()


def _credit(session: Session, invoice: Invoice, refund: Refund, amount_minor: int) -> None:
    """The invoice asks for that much less; its number comes later, from a job of its own.

    The number is not taken here: the counter is the last lock of its own transaction, never one
    that a payment waits for.
    """
    invoice.credited_minor += amount_minor
    net, tax = split(amount_minor, [invoice.subtotal_minor, invoice.tax_minor])
    note = CreditNote(
        invoice_id=invoice.id,
        refund_id=refund.id,
        currency=refund.currency,
        amount_minor=amount_minor,
        tax_minor=tax,
        reason=refund.reason,
    )
    session.add(note)
    session.flush()
    ledger.post(
        session,
        source_type="credit_note",
        source_id=note.id,
        kind=PostingKind.CREDIT_NOTE,
        currency=refund.currency,
        transfers=(
            Transfer(Account.REVENUE, Account.RECEIVABLE, net),
            Transfer(Account.TAX, Account.RECEIVABLE, tax),
        ),
    )
    queue_core.insert(session, IssueCreditNote(credit_note_id=note.id))


def _send_notice(session: Session, payment: Payment, refund: Refund) -> None:
    customer = session.execute(
        select(Customer.name, Customer.email).where(Customer.id == payment.customer_id)
    ).one()
    text = email_texts.refunded(refund, payment.invoice, customer.name)
    emails.queue_email(
        session,
        subject_id=refund.id,
        kind="refund",
        to=customer.email,
        title=text.title,
        body=text.body,
    )
