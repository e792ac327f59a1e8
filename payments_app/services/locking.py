"""Locks, always in one order: customer, invoice, payment, refund, job, counter.

Whoever takes them in another order can deadlock with a new payment through the live-payment
index. So payments are locked through here and nowhere else.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import DateTime, bindparam, literal_column, select
from sqlalchemy.orm import Session, defer, lazyload, load_only
from sqlalchemy.orm.attributes import set_committed_value

from payments_app import clock
from payments_app.domain.attempt import PaymentAttempt
from payments_app.domain.errors import NotFound
from payments_app.domain.gateway_request import GatewayRequest
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
    row = session.execute(_NAMED, {"id": payment_id}).one_or_none()
    if row is None:
        raise NotFound("payment", payment_id)
    return _complete(session, row.Payment, row.Invoice, row.now)


class Asked(NamedTuple):
    """A locked payment, and the request to the gateway that was about it."""

    payment: Payment
    request: GatewayRequest


def lock_payment_asked_about(session: Session, request_id: str) -> Asked:
    """The payment that a request was about, locked likewise. Raises NotFound."""
    row = session.execute(_ASKED_ABOUT, {"id": request_id}).one_or_none()
    if row is None:
        raise NotFound("gateway request", request_id)
    return Asked(_complete(session, row.Payment, row.Invoice, row.now), row.GatewayRequest)


def _complete(session: Session, payment: Payment, invoice: Invoice, now: datetime) -> Payment:
    """With its invoice and its attempts, which are read now: nobody else may add one any more."""
    clock.keep(session, now)
    set_committed_value(payment, "invoice", invoice)
    # An attempt needs the intent: without one there is none to look for.
    known = payment.gateway_intent_id is not None
    attempts = session.scalars(_ATTEMPTS, {"id": payment.id}).all() if known else ()
    set_committed_value(payment, "attempts", list(attempts))
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


# Put together once: every step of every payment begins with one of these. The rows are locked in
# the order of ``of`` (PostgreSQL, LockRows), and after a wait each is read again as it is then. The
# time comes along, because whoever locks a payment asks for it next; what nobody needs who locks
# one, the invoice's lines and its frozen document, stays away.
_FRESH = {"populate_existing": True}
_NOW = literal_column(clock.NOW_SQL, DateTime(timezone=True)).label("now")
_AWAY = (
    lazyload(Payment.attempts),
    lazyload(Invoice.lines),
    load_only(
        Invoice.number,
        Invoice.status,
        Invoice.currency,
        Invoice.total_minor,
        Invoice.allocated_minor,
        Invoice.credited_minor,
        Invoice.paid_at,
        Invoice.version,
    ),
)
_NAMED = (
    select(Payment, Invoice, _NOW)
    .join(Invoice, Invoice.id == Payment.invoice_id)
    .where(Payment.id == bindparam("id"))
    .options(*_AWAY)
    .with_for_update(of=(Invoice, Payment))
    .execution_options(**_FRESH)
)
_ASKED_ABOUT = (
    select(Payment, Invoice, GatewayRequest, _NOW)
    .join(Invoice, Invoice.id == Payment.invoice_id)
    .join(GatewayRequest, GatewayRequest.payment_id == Payment.id)
    .where(GatewayRequest.id == bindparam("id"))
    .options(*_AWAY, defer(GatewayRequest.params))
    .with_for_update(of=(Invoice, Payment, GatewayRequest))
    .execution_options(**_FRESH)
)
_ATTEMPTS = (
    select(PaymentAttempt)
    .where(PaymentAttempt.payment_id == bindparam("id"))
    .order_by(PaymentAttempt.n)
    .execution_options(**_FRESH)
)
