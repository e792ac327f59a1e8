"""What the overview shows: money due, late and received, and what needs a person.

Per currency, never added across currencies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_FIGURES = text(
    """
    SELECT currency,
           sum(due)::bigint AS due_minor,
           coalesce(sum(due) FILTER (WHERE due_date < :today), 0)::bigint AS overdue_minor,
           count(*) FILTER (WHERE due > 0)::int AS due_count,
           count(*) FILTER (WHERE due > 0 AND due_date < :today)::int AS overdue_count
    FROM (
        SELECT currency, due_date, CASE WHEN status = 'open'
               THEN total_minor - allocated_minor - credited_minor ELSE 0 END AS due
        FROM invoices WHERE status IN ('open', 'paid')
    ) AS sent
    GROUP BY currency ORDER BY currency
    """
)
_RECEIVED = text(
    """
    SELECT currency, sum(captured_minor)::bigint AS captured, sum(refunded_minor)::bigint AS back
    FROM payments WHERE status = 'completed' AND finished_at >= :since GROUP BY currency
    """
)
_ATTENTION = text(
    """
    SELECT p.id, CASE WHEN p.status = 'needs_review' THEN 'needs_review'
                      WHEN last.status = 'unknown' THEN 'unknown' ELSE 'failed' END AS state,
           p.amount_minor, p.currency, c.name AS customer_name,
           coalesce(p.finished_at, p.created_at) AS at
    FROM payments p
    JOIN customers c ON c.id = p.customer_id
    LEFT JOIN LATERAL (
        SELECT status FROM payment_attempts a WHERE a.payment_id = p.id ORDER BY n DESC LIMIT 1
    ) AS last ON true
    WHERE p.status = 'needs_review' OR (p.status = 'processing' AND last.status = 'unknown')
       OR (p.status = 'failed' AND p.finished_at > :since AND NOT EXISTS (
              SELECT 1 FROM payments later
              WHERE later.invoice_id = p.invoice_id AND later.id > p.id))
    ORDER BY (p.status <> 'failed') DESC, at DESC LIMIT 8
    """
)
_EVENTS = text(
    """
    SELECT l.aggregate, l.aggregate_id, l.to_state, l.at, i.number,
           CASE l.aggregate WHEN 'invoice' THEN i.total_minor WHEN 'payment' THEN p.amount_minor
                            ELSE r.amount_minor END AS amount_minor,
           coalesce(i.currency, p.currency, r.currency) AS currency, c.name AS customer_name,
           r.payment_id
    FROM (
        SELECT * FROM transition_log
        WHERE aggregate IN ('invoice', 'payment', 'refund')
          AND to_state NOT IN ('draft', 'pending', 'processing', 'requested')
        ORDER BY id DESC LIMIT 50
    ) AS l
    LEFT JOIN invoices i ON l.aggregate = 'invoice' AND i.id = l.aggregate_id
    LEFT JOIN payments p ON l.aggregate = 'payment' AND p.id = l.aggregate_id
    LEFT JOIN refunds r ON l.aggregate = 'refund' AND r.id = l.aggregate_id
    LEFT JOIN payments rp ON rp.id = r.payment_id
    LEFT JOIN customers c ON c.id = coalesce(i.customer_id, p.customer_id, rp.customer_id)
    ORDER BY l.at DESC, l.id DESC LIMIT 10
    """
)
_STEPS = text(
    "SELECT EXISTS (SELECT 1 FROM customers), EXISTS (SELECT 1 FROM invoices),"
    " EXISTS (SELECT 1 FROM payments WHERE status = 'completed')"
)


@dataclass(frozen=True, slots=True)
class Figures:
    """The money of one currency."""

    currency: str
    due_minor: int
    overdue_minor: int
    due_count: int
    overdue_count: int
    received_minor: int
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class Attention:
    """A payment that needs a person, or patience."""

    id: str
    state: str
    amount_minor: int
    currency: str
    customer_name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, of the last ten."""

    aggregate: str
    aggregate_id: str
    to_state: str
    at: datetime
    number: str | None
    amount_minor: int | None
    currency: str | None
    customer_name: str | None
    payment_id: str | None


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """How far a new business has come."""

    has_customer: bool
    has_invoice: bool
    has_payment: bool

    @property
    def all_done(self) -> bool:
        return self.has_customer and self.has_invoice and self.has_payment


def figures(session: Session, *, today: date, since: datetime) -> Sequence[Figures]:
    """One row per currency in use; received and refunded since ``since``."""
    received = {row.currency: row for row in session.execute(_RECEIVED, {"since": since})}
    return [
        Figures(
            **row,
            received_minor=got.captured if (got := received.get(row["currency"])) else 0,
            refunded_minor=got.back if got else 0,
        )
        for row in session.execute(_FIGURES, {"today": today}).mappings()
    ]


def needs_attention(session: Session, *, since: datetime) -> Sequence[Attention]:
    """Unknown outcomes and reviews first, then recent failures that nobody has tried again."""
    return [Attention(**row) for row in session.execute(_ATTENTION, {"since": since}).mappings()]


def last_events(session: Session) -> Sequence[Event]:
    return [Event(**row) for row in session.execute(_EVENTS).mappings()]


def first_steps(session: Session) -> FirstSteps:
    return FirstSteps(*session.execute(_STEPS).one())
