"""The story of one payment, read from the rows that every part of the system left anyway.

State changes come from the transition log, questions and answers from the gateway requests, runs
that did not finish from the queue's attempts, duplicates from the idempotency records. Nothing is
written for the timeline's sake, so it cannot tell another story than the data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments_app.domain.dispute import Dispute
from payments_app.domain.email import EmailDelivery
from payments_app.domain.gateway_request import GatewayRequest
from payments_app.domain.idempotency import IdempotencyRecord
from payments_app.domain.ledger import LedgerPosting
from payments_app.domain.money import Money
from payments_app.domain.payment import Payment
from payments_app.domain.refund import Refund
from payments_app.domain.transition import Transition

_QUESTIONS = {
    "create_intent": "Asked the gateway for an intent (moves no money)",
    "get_intent": "Asked the gateway how the intent stands",
    "confirm_intent": "Asked the gateway to charge",
    "cancel_intent": "Asked the gateway to cancel: the fence",
    "create_refund": "Asked the gateway to refund",
    "get_refund": "Asked the gateway how the refund stands",
    "list_refunds": "Read the gateway's list of refunds",
}

_ANSWERS = {
    "succeeded": ("ok", "Gateway: captured"),
    "canceled": ("neutral", "Gateway: cancelled, can never be charged"),
    "requires_confirmation": ("info", "Gateway: not charged yet"),
    "requires_payment_method": ("info", "Gateway: not charged"),
    "requires_action": ("warn", "Gateway: the cardholder must confirm in person"),
    "processing": ("prog", "Gateway: still working on it"),
    "unknown": ("warn", "No answer: money may have moved, so the gateway is asked before anything"),
    "not_sent": ("warn", "The gateway could not be reached"),
    "busy": ("warn", "Gateway: busy, asked to come back later"),
    "wrong_state": ("info", "Gateway: not possible in the intent's state"),
    "rejected": ("bad", "Gateway: refused the request"),
    "listed": ("info", "Gateway: listed its refunds"),
    "pending": ("prog", "Gateway: refund under way"),
    "failed": ("bad", "Gateway: refund failed"),
}

_STATES = {
    ("payment", "pending"): ("neutral", "Payment requested; payment and job stored together"),
    ("payment", "processing"): ("prog", "Payment is being processed"),
    ("payment", "completed"): ("ok", "Payment completed"),
    ("payment", "failed"): ("bad", "Payment failed; nothing was charged"),
    ("payment", "cancelled"): ("neutral", "Payment cancelled; nothing was charged"),
    ("payment", "needs_review"): ("bad", "A person must look at this payment"),
    ("payment_attempt", "unknown"): ("warn", "The outcome of this attempt is unknown"),
    ("payment_attempt", "not_executed"): ("info", "The gateway shows that nothing was charged yet"),
    ("refund", "requested"): ("neutral", "Refund requested; the amount is reserved"),
    ("refund", "completed"): ("ok", "Refund completed"),
    ("refund", "failed"): ("bad", "Refund failed; the amount can be refunded anew"),
    ("refund", "needs_review"): ("bad", "A person must look at this refund"),
    ("dispute", "open"): ("bad", "The cardholder disputes the charge: the bank took it back"),
    ("dispute", "won"): ("ok", "Dispute won; the money came back to us"),
    ("dispute", "lost"): ("bad", "Dispute lost; the money stays with the cardholder"),
    ("email_delivery", "sent"): ("ok", "Mail sent"),
    ("email_delivery", "bounced"): ("warn", "Mail bounced"),
}

# Of an answer's details, those that a reader of the story needs.
_TOLD = ("intent", "refund", "charge", "code", "message", "reason")

_INTERRUPTED = {
    "rescue": "Worker lost: its lease was taken back and the job released",
    "released": "Worker stopped: the job was given back",
    "interrupted": "Worker stopped: the job was given back",
    "error": "The run ended with an error; it will be tried again",
}

_RUNS = text(
    """
    SELECT a.* FROM queue.job_attempts a
    JOIN queue.all_jobs j ON j.id = a.job_id
    WHERE j.kind IN ('process_payment', 'process_refund')
      AND (j.args ->> 'payment_id' = :payment_id OR j.args ->> 'refund_id' = ANY(:refunds))
    """
)


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """One line. ``tone``: neutral, info, prog, ok, warn, bad or replay; ``kind``: money, jobs."""

    at: datetime
    title: str
    detail: str
    tone: str
    kind: str
    ref: str


def payment_timeline(session: Session, payment_id: str) -> list[TimelineRow]:
    """Everything that happened to a payment and its refunds, oldest first."""
    payment = session.get_one(Payment, payment_id)
    refunds = list(session.scalars(select(Refund).where(Refund.payment_id == payment_id)))
    rows = [
        *_state_changes(session, payment, refunds),
        *_gateway_calls(session, payment),
        *_postings(session, payment, refunds),
        *_replays(session, payment),
        *_unfinished_runs(session, payment, refunds),
    ]
    return sorted(rows, key=lambda row: row.at)


def _state_changes(
    session: Session, payment: Payment, refunds: list[Refund]
) -> Iterator[TimelineRow]:
    subjects = [payment.id, *(refund.id for refund in refunds), *_disputes(session, payment)]
    mails = session.scalars(select(EmailDelivery.id).where(EmailDelivery.subject_id.in_(subjects)))
    names = [*subjects, *(attempt.id for attempt in payment.attempts), *mails]
    query = select(Transition).where(Transition.aggregate_id.in_(names)).order_by(Transition.id)
    for change in session.scalars(query):
        known = _STATES.get((change.aggregate, change.to_state))
        if known is None:
            continue
        tone, title = known
        kind = "jobs" if change.aggregate == "email_delivery" else "money"
        who = f"by {change.actor}" if change.actor else ""
        job = f"job {change.job_id}" if change.job_id else ""
        why = f"because: {change.reason}" if change.reason else ""
        detail = " · ".join(filter(None, [change.aggregate_id, who, job, why]))
        yield TimelineRow(change.at, title, detail, tone, kind, change.aggregate_id)


def _disputes(session: Session, payment: Payment) -> list[str]:
    return list(session.scalars(select(Dispute.id).where(Dispute.payment_id == payment.id)))


def _gateway_calls(session: Session, payment: Payment) -> Iterator[TimelineRow]:
    query = select(GatewayRequest).where(GatewayRequest.payment_id == payment.id)
    for call in session.scalars(query):
        key = f"key {call.key}" if call.key else "a read: no key"
        job = f"job {call.job_id}, lease {call.job_lease}"
        if call.sent_at is not None:
            title = _QUESTIONS.get(call.op, call.op)
            yield TimelineRow(call.sent_at, title, f"{key} · {job}", "info", "money", call.id)
        if call.answered_at is not None and call.outcome is not None:
            yield _answer(call.answered_at, call)


def _answer(at: datetime, call: GatewayRequest) -> TimelineRow:
    detail: dict[str, Any] = call.detail or {}
    tone, title = _ANSWERS.get(call.outcome or "", ("info", f"Gateway: {call.outcome}"))
    if detail.get("replayed"):
        tone, title = "replay", "Gateway replayed its first answer; nothing new was executed"
    if detail.get("decline"):
        tone, title = "warn", f"Gateway: declined ({detail['decline']})"
    if call.op.endswith("refund") and call.outcome == "succeeded":
        title = "Gateway: refunded"
    words = (f"{name} {detail[name]}" for name in _TOLD if isinstance(detail.get(name), str))
    return TimelineRow(at, title, " · ".join(words), tone, "money", call.id)


def _postings(session: Session, payment: Payment, refunds: list[Refund]) -> Iterator[TimelineRow]:
    sources = [payment.id, *(refund.id for refund in refunds), *_disputes(session, payment)]
    query = select(LedgerPosting).where(LedgerPosting.source_id.in_(sources))
    for posting in session.scalars(query):
        moved = "; ".join(
            f"{Money(row.amount_minor, posting.currency)} "
            f"from {row.credit_account} to {row.debit_account}"
            for row in posting.transfers
        )
        title = f"Ledger posted ({posting.kind}), balanced"
        yield TimelineRow(posting.posted_at, title, moved, "ok", "money", posting.id)


def _replays(session: Session, payment: Payment) -> Iterator[TimelineRow]:
    query = select(IdempotencyRecord).where(
        IdempotencyRecord.subject_id == payment.id, IdempotencyRecord.replays > 0
    )
    for record in session.scalars(query):
        times = "once" if record.replays == 1 else f"{record.replays} times"
        title = f"The same request came again {times} and got the first answer"
        detail = f"Idempotency-Key {record.key}"
        yield TimelineRow(record.created_at, title, detail, "replay", "money", record.key)


def _unfinished_runs(
    session: Session, payment: Payment, refunds: list[Refund]
) -> Iterator[TimelineRow]:
    found = session.execute(
        _RUNS, {"payment_id": payment.id, "refunds": [refund.id for refund in refunds]}
    ).mappings()
    for run in found:
        title = _INTERRUPTED.get(run["outcome"])
        if title is None:
            continue  # A snooze is a wait that the payment itself explains.
        detail = f"job {run['job_id']}, lease {run['lease']}: {run['error'] or ''}"[:300]
        yield TimelineRow(run["ended_at"], title, detail, "warn", "jobs", str(run["job_id"]))
