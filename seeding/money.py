"""The payments of the plan: asked for as a customer would, carried out by real workers.

The gateway's journal knows every one of them, so an audit finds nothing wrong. One payment of an
invoice can be live at a time, so they come in rounds; each begins when the one before has come to
rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments_app.domain.invoice import Invoice, InvoiceStatus
from payments_app.domain.payment import LIVE, Payment, PaymentStatus
from payments_app.domain.refund import FINAL as REFUND_FINAL
from payments_app.domain.refund import Refund
from payments_app.services import actor, payments, refunds
from seeding.books import moment_of
from seeding.plan import Fate, InvoicePlan, Plan

VISA = "pm_card_visa"
DECLINED = "pm_card_visa_chargeDeclined"
NO_FUNDS = "pm_card_insufficientFunds"

# fate → the card of its payment in each round, and whether that is a part of what is due.
ROUNDS: dict[Fate, tuple[tuple[str, bool], ...]] = {
    Fate.PAID: ((VISA, False),),
    Fate.PAID_IN_TWO: ((VISA, True), (VISA, False)),
    Fate.PAID_AFTER_DECLINE: ((DECLINED, False), (VISA, False)),
    Fate.REFUNDED: ((VISA, False),),
    Fate.PARTLY_PAID: ((VISA, True),),
    Fate.DECLINED: ((DECLINED, False),),
    Fate.CANCELLED: ((VISA, False),),
    Fate.WAITING: ((NO_FUNDS, False),),
}
ROUNDS_MAX = 2
REFUND_REASON = "One item was not delivered"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One payment to ask for, and when it shall have happened."""

    planned: InvoicePlan
    invoice_id: str
    due_minor: int
    card: str
    in_part: bool
    at: datetime | None  # None: today, because it is still on its way


def missing(session: Session, plan: Plan, round_no: int, now: datetime) -> list[Wanted]:
    """The payments of a round (from 0) that are not there yet."""
    made = dict(
        session.execute(select(Payment.invoice_id, func.count()).group_by(Payment.invoice_id)).all()
    )
    known = {invoice.memo: invoice for invoice in session.scalars(select(Invoice))}
    return [
        _wanted(planned, known[planned.reference], round_no, now)
        for planned in plan.invoices
        if len(ROUNDS.get(planned.fate, ())) > round_no
        and known[planned.reference].status is InvoiceStatus.OPEN
        and made.get(known[planned.reference].id, 0) == round_no
    ]


def ask(session: Session, wanted: Wanted, now: datetime) -> dict[str, datetime]:
    """Request one payment; its id and the moment it shall have, if that is past."""
    amount = wanted.due_minor // 2 if wanted.in_part else None
    payment = payments.request_payment(
        session,
        wanted.invoice_id,
        payment_method=wanted.card,
        amount_minor=amount,
        source="hosted",
        now=now,
    )
    if wanted.planned.fate is Fate.CANCELLED:
        payments.request_cancel(session, payment.id, now=now)
    return {payment.id: wanted.at} if wanted.at else {}


def ask_refunds(session: Session, plan: Plan, now: datetime) -> dict[str, datetime]:
    """Request the refunds that are not there yet."""
    references = {each.reference: each for each in plan.invoices if each.fate is Fate.REFUNDED}
    refunded = select(Refund.payment_id)
    found = session.execute(
        select(Payment, Invoice.memo)
        .join(Invoice, Invoice.id == Payment.invoice_id)
        .where(
            Invoice.memo.in_(references),
            Payment.status == PaymentStatus.COMPLETED,
            Payment.id.not_in(refunded),
        )
        .order_by(Invoice.number)
    ).all()
    begun: dict[str, datetime] = {}
    actor.act_as(session, "seed")
    for payment, memo in found:
        refund = refunds.request_refund(
            session,
            payment.id,
            amount_minor=max(1, payment.captured_minor // 3),
            reason=REFUND_REASON,
            now=now,
        )
        planned = references[memo]
        after_days = planned.pays_after_days + 2
        begun[refund.id] = moment_of(planned, now, after_days=after_days)
    return begun


def on_their_way(session: Session) -> int:
    """Payments and refunds that the workers have not brought to rest yet."""
    # One that waits for funds has done all that it can today.
    waits = Payment.next_action_at > func.now() + timedelta(seconds=20)
    live = select(func.count()).where(Payment.status.in_(LIVE), ~func.coalesce(waits, False))
    open_refunds = select(func.count()).where(Refund.status.not_in(REFUND_FINAL))
    return int(session.scalar(live) or 0) + int(session.scalar(open_refunds) or 0)


def _wanted(planned: InvoicePlan, invoice: Invoice, round_no: int, now: datetime) -> Wanted:
    card, in_part = ROUNDS[planned.fate][round_no]
    after_days = planned.pays_after_days + round_no
    at = moment_of(planned, now, after_days=after_days)
    past = None if planned.fate is Fate.WAITING else at
    return Wanted(planned, invoice.id, invoice.due_minor, card, in_part, past)


def chunks(wanted: list[Wanted], size: int) -> Iterator[list[Wanted]]:
    for start in range(0, len(wanted), size):
        yield wanted[start : start + size]
