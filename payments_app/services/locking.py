"""Locks, always in one order: customer, invoice, payment, refund, job, counter.

Whoever takes them in another order can deadlock with a new payment through the live-payment
index. So payments are locked through here and nowhere else.
"""

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments_app.domain.errors import NotFound
from payments_app.domain.invoice import Invoice
from payments_app.domain.payment import Payment
from payments_app.domain.refund import Refund


def lock_invoice(session: Session, invoice_id: str) -> Invoice:
    """The invoice, fresh and locked until the transaction ends. Raises NotFound."""
    invoice = session.execute(
        select(Invoice)
        .where(Invoice.id == invoice_id)
        .with_for_update(of=Invoice)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if invoice is None:
        raise NotFound("invoice", invoice_id)
    return invoice


def lock_payment(session: Session, payment_id: str) -> Payment:
    """The payment, fresh and locked, its invoice locked before it. Raises NotFound."""
    invoice_id = session.execute(
        select(Payment.invoice_id).where(Payment.id == payment_id)
    ).scalar_one_or_none()
    if invoice_id is None:
        raise NotFound("payment", payment_id)
    invoice = lock_invoice(session, invoice_id)
    payment = session.execute(
        select(Payment)
        .where(Payment.id == payment_id)
        .with_for_update(of=Payment)
        .execution_options(populate_existing=True)
    ).scalar_one()
    payment.invoice = invoice
    return payment


def lock_refund(session: Session, refund_id: str) -> tuple[Payment, Refund]:
    """The refund and its payment, fresh and locked in order. Raises NotFound."""
    payment_id = session.execute(
        select(Refund.payment_id).where(Refund.id == refund_id)
    ).scalar_one_or_none()
    if payment_id is None:
        raise NotFound("refund", refund_id)
    payment = lock_payment(session, payment_id)
    refund = session.execute(
        select(Refund)
        .where(Refund.id == refund_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()
    return payment, refund
