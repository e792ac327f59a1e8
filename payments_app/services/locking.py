"""Locks, always in one order: customer, invoice, payment, refund, job, counter.

Whoever takes them in another order can deadlock with a new payment through the live-payment
index. So payments are locked through here and nowhere else.
"""

from typing import NamedTuple

from sqlalchemy import BindParameter, ScalarSelect, Select, bindparam, select
from sqlalchemy.orm import Session, lazyload

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
    payment = _locked(session, _NAMED, payment_id)
    if payment is None:
        raise NotFound("payment", payment_id)
    return payment


def lock_payment_asked_about(session: Session, request_id: str) -> Payment:
    """The payment that a request to the gateway was about, locked likewise. Raises NotFound."""
    payment = _locked(session, _ASKED_ABOUT, request_id)
    if payment is None:
        raise NotFound("gateway request", request_id)
    return payment


def _locked(session: Session, statements: "_Statements", id: str) -> Payment | None:
    invoice = session.execute(statements.invoice, {"id": id}).scalar_one_or_none()
    if invoice is None:
        return None
    payment = session.execute(statements.payment, {"id": id}).scalar_one()
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


class _Statements(NamedTuple):
    invoice: Select[Invoice]
    payment: Select[Payment]


def _locking(payment_id: "BindParameter[str] | ScalarSelect[str]") -> _Statements:
    """Put together once: every step of every payment begins with these two.

    Whose invoice a payment is never changes, so that may be read in the statement that locks. The
    invoice's lines stay away: nobody who locks a payment needs them.
    """
    owner = select(Payment.invoice_id).where(Payment.id == payment_id).scalar_subquery()
    return _Statements(
        select(Invoice)
        .where(Invoice.id == owner)
        .options(lazyload(Invoice.lines))
        .with_for_update(of=Invoice)
        .execution_options(populate_existing=True),
        select(Payment)
        .where(Payment.id == payment_id)
        .with_for_update(of=Payment)
        .execution_options(populate_existing=True),
    )


_NAMED = _locking(bindparam("id"))
_ASKED_ABOUT = _locking(
    select(GatewayRequest.payment_id).where(GatewayRequest.id == bindparam("id")).scalar_subquery()
)
