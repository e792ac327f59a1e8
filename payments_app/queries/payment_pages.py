"""What the payment pages show: the list, and one payment with its facts.

``state`` is what people are told. A payment whose last answer was lost is "unknown", never failed:
only the gateway knows, and it is being asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select, text
from sqlalchemy.orm import Session

from payments_app.domain.attempt import AttemptStatus, PaymentAttempt
from payments_app.domain.customer import Customer
from payments_app.domain.dispute import Dispute
from payments_app.domain.gateway_request import GatewayRequest
from payments_app.domain.invoice import Invoice
from payments_app.domain.ledger import LedgerPosting
from payments_app.domain.payment import LIVE, Payment, PaymentStatus
from payments_app.domain.refund import Refund
from payments_app.domain.transition import Transition
from payments_app.queries.paging import PAGE_SIZE, Numbered, numbered

# Tab → statuses; "all" has no condition.
TABS: dict[str, tuple[PaymentStatus, ...]] = {
    "all": (),
    "under_way": tuple(sorted(LIVE)),
    "completed": (PaymentStatus.COMPLETED,),
    "failed": (PaymentStatus.FAILED,),
    "cancelled": (PaymentStatus.CANCELLED,),
}

# A customer who has waited this long for the bank starts to wonder whether to pay again.
SLOW_AFTER = timedelta(seconds=3)

_JOB = text(
    "SELECT id FROM queue.all_jobs WHERE kind = 'process_payment'"
    " AND args ->> 'payment_id' = :payment_id ORDER BY id DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class PaymentRow:
    """One line of a list."""

    id: str
    state: str
    amount_minor: int
    refunded_minor: int
    currency: str
    customer_id: str
    customer_name: str
    invoice_id: str
    invoice_number: str | None
    payment_method: str
    attempts: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """What is known about one payment beside its row."""

    state: str
    customer_name: str
    invoice_number: str | None
    job_id: int | None
    gateway_calls: int
    refunds: Sequence[Refund]
    postings: Sequence[LedgerPosting]
    disputes: Sequence[Dispute]


def state_of(payment: Payment, *, slow_at: datetime | None = None) -> str:
    """The shown state: ``unknown`` and ``waiting`` are told from the last attempt.

    ``slow_at``: the time by which a charge that is still unanswered counts as unknown, too. The
    customer, who waits in front of the page, asks for that; see ``SLOW_AFTER``.
    """
    attempt = payment.last_attempt
    if payment.status is PaymentStatus.PROCESSING and attempt is not None:
        if attempt.status is AttemptStatus.UNKNOWN:
            return "unknown"
        if attempt.is_soft_decline and payment.stop_reason is None:
            return "waiting"
        if slow_at is not None and _is_slow(attempt, slow_at):
            return "unknown"
    return str(payment.status)


def _is_slow(attempt: PaymentAttempt, now: datetime) -> bool:
    sent = attempt.status is AttemptStatus.SENT and attempt.sent_at is not None
    return sent and attempt.sent_at is not None and now - attempt.sent_at > SLOW_AFTER


def payment_list(
    session: Session,
    *,
    tab: str = "all",
    search: str = "",
    customer_id: str | None = None,
    invoice_id: str | None = None,
    page: int = 1,
    size: int = PAGE_SIZE,
) -> Numbered[PaymentRow]:
    """Newest first; what waits for an answer or for a person is on top."""
    statement = _rows()
    if TABS.get(tab):
        statement = statement.where(Payment.status.in_(TABS[tab]))
    if customer_id is not None:
        statement = statement.where(Payment.customer_id == customer_id)
    if invoice_id is not None:
        statement = statement.where(Payment.invoice_id == invoice_id)
    if search:
        statement = statement.where(
            or_(
                Invoice.number.icontains(search, autoescape=True),
                Customer.name.icontains(search, autoescape=True),
                Payment.id == search,
            )
        )
    return numbered(session, statement, page, _made, size=size)


def payment_counts(session: Session) -> dict[str, int]:
    counted = session.execute(select(Payment.status, func.count()).group_by(Payment.status))
    by_status = {row[0]: row[1] for row in counted}
    return {
        tab: sum(count for status, count in by_status.items() if not wanted or status in wanted)
        for tab, wanted in TABS.items()
    }


def facts(session: Session, payment: Payment) -> PaymentFacts:
    names = session.execute(
        select(Customer.name, Invoice.number)
        .join(Invoice, Invoice.customer_id == Customer.id)
        .where(Invoice.id == payment.invoice_id)
    ).one()
    refunds = session.scalars(
        select(Refund).where(Refund.payment_id == payment.id).order_by(Refund.id)
    ).all()
    disputes = session.scalars(
        select(Dispute).where(Dispute.payment_id == payment.id).order_by(Dispute.id)
    ).all()
    sources = [payment.id, *(refund.id for refund in refunds), *(each.id for each in disputes)]
    postings = select(LedgerPosting).where(LedgerPosting.source_id.in_(sources))
    calls = select(func.count()).where(GatewayRequest.payment_id == payment.id)
    return PaymentFacts(
        state=state_of(payment),
        customer_name=names[0],
        invoice_number=names[1],
        job_id=session.scalar(_JOB, {"payment_id": payment.id}),
        gateway_calls=session.scalar(calls) or 0,
        refunds=refunds,
        postings=session.scalars(postings.order_by(LedgerPosting.posted_at)).all(),
        disputes=disputes,
    )


def seen(session: Session, payment: Payment) -> str:
    """Names what the page shows: another value means that there is something new to show."""
    refunds = select(Refund.id).where(Refund.payment_id == payment.id)
    disputes = select(Dispute.id).where(Dispute.payment_id == payment.id)
    newest = select(func.coalesce(func.max(Transition.id), 0)).where(
        or_(
            Transition.aggregate_id == payment.id,
            Transition.aggregate_id.in_(refunds),
            Transition.aggregate_id.in_(disputes),
        )
    )
    calls = select(
        func.count(GatewayRequest.sent_at), func.count(GatewayRequest.answered_at)
    ).where(GatewayRequest.payment_id == payment.id)
    sent, answered = session.execute(calls).one()
    return f"{payment.version}.{session.scalar(newest)}.{sent}.{answered}"


def _rows() -> Select[Any]:
    last = (
        select(PaymentAttempt.status)
        .where(PaymentAttempt.payment_id == Payment.id)
        .order_by(PaymentAttempt.n.desc())
        .limit(1)
        .scalar_subquery()
    )
    attempts = select(func.count()).where(PaymentAttempt.payment_id == Payment.id).scalar_subquery()
    processing = Payment.status == PaymentStatus.PROCESSING
    state = case(
        (and_(processing, last == AttemptStatus.UNKNOWN), "unknown"),
        (
            and_(processing, last == AttemptStatus.DECLINED, Payment.stop_reason.is_(None)),
            "waiting",
        ),
        else_=func.cast(Payment.status, type_=Customer.name.type),
    ).label("state")
    pinned = state.in_(("unknown", str(PaymentStatus.NEEDS_REVIEW)))
    return (
        select(
            Payment.id,
            state,
            Payment.amount_minor,
            Payment.refunded_minor,
            Payment.currency,
            Payment.customer_id,
            Customer.name.label("customer_name"),
            Payment.invoice_id,
            Invoice.number.label("invoice_number"),
            Payment.payment_method,
            attempts.label("attempts"),
            Payment.created_at,
        )
        .join(Payment.invoice)
        .join(Customer, Customer.id == Payment.customer_id)
        .order_by(pinned.desc(), Payment.created_at.desc(), Payment.id.desc())
    )


def _made(row: Any) -> PaymentRow:  # noqa: ANN401 - a row of _rows
    return PaymentRow(**row._mapping)  # noqa: SLF001 - the documented name of a row's columns
