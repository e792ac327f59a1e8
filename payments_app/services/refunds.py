"""Refunds as people ask for them: reserved first, so that two can never exceed what was taken."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

import queue_core
from payments_app import clock
from payments_app.domain.access import STAFF_REFUND_MAX, Role
from payments_app.domain.customer import checked_text
from payments_app.domain.errors import (
    InvalidAmount,
    NotFound,
    PaymentNotRefundable,
    RefundBeyondLimit,
    RefundExceedsPayment,
    RefundInProgress,
)
from payments_app.domain.money import Money, chargeable, exponent
from payments_app.domain.payment import Payment, PaymentStatus
from payments_app.domain.refund import FINAL, Refund
from payments_app.jobs import ProcessRefund
from payments_app.services import disputes
from payments_app.services.actor import acting_role
from payments_app.services.locking import lock_payment

REASON_LENGTH_MAX = 200
CAPTURED_FIRST = "The payment was cancelled; the bank had charged the card before."


def get(session: Session, refund_id: str) -> Refund:
    """The refund as it stands. Raises NotFound."""
    refund = session.get(Refund, refund_id)
    if refund is None:
        raise NotFound("refund", refund_id)
    return refund


def request_refund(
    session: Session,
    payment_id: str,
    *,
    amount_minor: int,
    reason: str,
    with_credit_note: bool = True,
    now: datetime,
) -> Refund:
    """Reserve ``amount_minor`` of a completed payment and have it sent back.

    With a credit note the invoice stays settled; without one it is owed again. Raises
    PaymentNotRefundable, RefundExceedsPayment, RefundInProgress, InvalidAmount, NotFound.
    """
    text = checked_text(reason, "reason", length_max=REASON_LENGTH_MAX, required=True)
    payment = lock_payment(session, payment_id)
    _check(session, payment, amount_minor)
    payment.refund_reserved_minor += amount_minor
    refund = Refund(
        payment_id=payment.id,
        amount_minor=amount_minor,
        currency=payment.currency,
        reason=text,
        with_credit_note=with_credit_note,
        next_action_at=now,
    )
    session.add(refund)
    session.flush()
    wake(session, refund)
    return refund


def give_back(session: Session, payment: Payment, now: datetime) -> None:
    """Refund all that is left of a payment that was captured against its cancel.

    In the transaction that records the capture; the payment is locked and completed.
    """
    refund = Refund(
        id=clock.new_id("rfd", now),
        payment_id=payment.id,
        amount_minor=payment.refundable_minor,
        currency=payment.currency,
        reason=CAPTURED_FIRST,
        with_credit_note=False,
        next_action_at=now,
    )
    payment.refund_reserved_minor += refund.amount_minor
    session.add(refund)
    wake(session, refund)


def wake(session: Session, refund: Refund) -> None:
    """Make the refund's job run: a new one, or the waiting or executing one again."""
    queue_core.insert(session, ProcessRefund(refund_id=refund.id), wake=True)


def _check(session: Session, payment: Payment, amount_minor: int) -> None:
    if amount_minor <= 0:
        raise InvalidAmount("amount_minor", "Refund at least one minor unit.")
    left = payment.refundable_minor
    chargeable(
        Money(amount_minor, payment.currency),
        "amount_minor",
        "a refund",
        most=Money(left, payment.currency),
    )
    if payment.status is not PaymentStatus.COMPLETED:
        raise PaymentNotRefundable(
            f"This payment is {payment.status}. Only a completed payment can be refunded."
        )
    disputed = disputes.in_the_way(session, payment.id)
    if disputed is not None:
        raise PaymentNotRefundable(
            f"The cardholder disputes this payment ({disputed}): the bank has taken the money back"
            " already."
        )
    open_refund = session.scalar(
        select(Refund.id).where(Refund.payment_id == payment.id, Refund.status.not_in(FINAL))
    )
    if open_refund is not None:
        raise RefundInProgress(
            f"Refund {open_refund} of this payment is under way. Wait until it has ended."
        )
    if amount_minor > left:
        what = f"At most {Money(left, payment.currency)} is left to refund."
        raise RefundExceedsPayment(what if left else "Nothing is left to refund.")
    check_limit(session, payment, amount_minor)


def check_limit(session: Session, payment: Payment, amount_minor: int) -> None:
    """Raises RefundBeyondLimit when whoever acts may not give so much back.

    Here and not on the page alone: whoever finds another way in meets the same limit.

    It counts all refunds of the payment: in slices, any amount would pass.
    """
    if acting_role(session) is not Role.STAFF:
        return
    limit_minor = STAFF_REFUND_MAX * 10 ** exponent(payment.currency)
    if payment.refunded_minor + payment.refund_reserved_minor + amount_minor > limit_minor:
        most = Money(limit_minor, payment.currency)
        raise RefundBeyondLimit(
            "amount_minor", f"Staff may refund up to {most} of one payment. Ask an owner for more."
        )
