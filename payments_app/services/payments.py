"""What people ask of a payment: request it, cancel it, try another card, look again.

Each verb writes the intention and wakes the payment's job in the same transaction; the worker
carries it out. A second live payment of one invoice is refused here with words, and by a partial
unique index when two requests race.
"""

import re
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

import queue_core
from payments_app.domain.errors import (
    Invalid,
    InvalidAmount,
    InvoiceNotOpen,
    NotFound,
    NothingDue,
    PaymentInProgress,
    PaymentNotCancellable,
)
from payments_app.domain.invoice import Invoice, InvoiceStatus
from payments_app.domain.money import Money, charge_step, chargeable
from payments_app.domain.payment import LIVE, Payment, PaymentStatus, StopReason
from payments_app.domain.steps import DEADLINE
from payments_app.jobs import ProcessPayment
from payments_app.services import refunds
from payments_app.services.locking import lock_invoice, lock_payment

_CARD = re.compile(r"pm_[A-Za-z0-9_]{1,61}")


def get(session: Session, payment_id: str) -> Payment:
    """The payment as it stands. Raises NotFound."""
    payment = session.get(Payment, payment_id)
    if payment is None:
        raise NotFound("payment", payment_id)
    return payment


def owner_of_intent(session: Session, intent_id: str) -> str | None:
    """The id of the payment whose one intent this is, if any."""
    return session.scalar(select(Payment.id).where(Payment.gateway_intent_id == intent_id))


def request_payment(
    session: Session,
    invoice_id: str,
    *,
    payment_method: str,
    amount_minor: int | None = None,
    source: str = "api",
    now: datetime,
) -> Payment:
    """A new pending payment of an open invoice, with its job. By default of all that is due.

    Raises InvoiceNotOpen, NothingDue, InvalidAmount, PaymentInProgress, Invalid, NotFound.
    """
    card = checked_card(payment_method)
    invoice = lock_invoice(session, invoice_id)
    amount = _amount_to_pay(invoice, amount_minor)
    live = session.scalar(
        select(Payment.id).where(Payment.invoice_id == invoice.id, Payment.status.in_(LIVE))
    )
    if live is not None:
        raise PaymentInProgress(live)
    payment = Payment(
        invoice_id=invoice.id,
        customer_id=invoice.customer_id,
        amount_minor=amount,
        currency=invoice.currency,
        payment_method=card,
        source=source,
        next_action_at=now,
        deadline_at=now + DEADLINE,
    )
    session.add(payment)
    try:
        session.flush()
    except IntegrityError as error:
        # Unreachable while everybody locks the invoice first; the index is there for the day when
        # somebody does not.
        if "payments_one_live_per_invoice" in str(error.orig):
            raise PaymentInProgress("another one") from None
        raise
    wake(session, payment, now)
    return payment


def request_cancel(
    session: Session, payment_id: str, *, refund_if_captured: bool = False, now: datetime
) -> Payment:
    """Ask for the payment's end. It becomes cancelled only behind the gateway's fence.

    If the gateway captured first, it becomes completed instead; with ``refund_if_captured`` all of
    it is then refunded at once, without a credit note: the invoice is owed again, as behind a
    cancel. Raises PaymentNotCancellable, RefundBeyondLimit.
    """
    payment = lock_payment(session, payment_id)
    if payment.status is PaymentStatus.CANCELLED:
        return payment
    if payment.is_final:
        raise PaymentNotCancellable(
            f"This payment has {payment.status} already."
            + (" Refund it instead." if payment.captured_minor else "")
        )
    payment.stop(StopReason.CANCEL_REQUESTED)
    if refund_if_captured:
        refunds.check_limit(session, payment, payment.amount_minor)
        payment.refund_if_captured = True
    if payment.status is PaymentStatus.NEEDS_REVIEW:
        payment.move("resume")
        payment.must_look = payment.gateway_intent_id is not None
    wake(session, payment, now)
    return payment


def use_card(session: Session, payment_id: str, payment_method: str, *, now: datetime) -> Payment:
    """Another card for a payment whose last one was declined: the next attempt of the same payment.

    Raises PaymentInProgress while an attempt is under way: its answer must come first.
    """
    card = checked_card(payment_method)
    payment = lock_payment(session, payment_id)
    attempt = payment.last_attempt
    waiting = attempt is not None and attempt.is_soft_decline and payment.stop_reason is None
    if payment.status is not PaymentStatus.PROCESSING or not waiting:
        raise PaymentInProgress(payment.id)
    payment.payment_method = card
    payment.card_changed_at = now
    wake(session, payment, now)
    return payment


def check_now(session: Session, payment_id: str, *, now: datetime) -> Payment:
    """Have the worker look at the gateway at once instead of at its next turn."""
    payment = lock_payment(session, payment_id)
    if not payment.is_final:
        payment.must_look = payment.gateway_intent_id is not None
        wake(session, payment, now)
    return payment


def wake(session: Session, payment: Payment, now: datetime) -> None:
    """Make the payment due and its job run: a new job, or the waiting or executing one again."""
    payment.next_action_at = now
    session.flush()
    queue_core.insert(session, ProcessPayment(payment_id=payment.id), wake=True)


def checked_card(payment_method: str) -> str:
    """A token of the gateway, never a card number. Raises Invalid."""
    if not _CARD.fullmatch(payment_method):
        raise Invalid(
            "payment_method",
            "Give a payment method token of the gateway, such as pm_card_visa: letters, digits "
            "and underscores, at most 64 characters. Never send a card number.",
        )
    return payment_method


def checked_due(invoice: Invoice) -> int:
    """What can be paid on the invoice now. Raises NothingDue, InvoiceNotOpen."""
    if invoice.status is InvoiceStatus.PAID:
        raise NothingDue("This invoice is paid. Nothing is left to pay.")
    if invoice.status is not InvoiceStatus.OPEN:
        hint = " Send it first." if invoice.status is InvoiceStatus.DRAFT else ""
        raise InvoiceNotOpen(f"This invoice is {invoice.status}, not open.{hint}")
    return invoice.due_minor


def _amount_to_pay(invoice: Invoice, amount_minor: int | None) -> int:
    due = checked_due(invoice)
    amount = due if amount_minor is None else amount_minor
    if amount <= 0:
        raise InvalidAmount("amount_minor", "Pay at least one minor unit.")
    if amount > due:
        raise InvalidAmount("amount_minor", f"At most {Money(due, invoice.currency)} is due.")
    if due % charge_step(invoice.currency):
        # Sent before totals were checked. A part that could be charged would leave a rest that
        # never can.
        raise InvalidAmount(
            "amount_minor",
            f"{Money(due, invoice.currency)} is due, and cards are charged in steps of"
            f" {Money(charge_step(invoice.currency), invoice.currency)}. Void this invoice and send"
            " a new one with a total that can be charged.",
        )
    return chargeable(Money(amount, invoice.currency), "amount_minor", "a payment").minor
