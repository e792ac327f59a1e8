"""How much credit a customer has, per currency, and which payments hold it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

_HELD = text(
    """
    SELECT p.id, p.currency,
           p.captured_minor - p.refunded_minor - p.refund_reserved_minor - p.credit_used_minor
           - coalesce(own.minor, 0) AS minor
    FROM payments p
    LEFT JOIN LATERAL (
        SELECT sum(a.amount_minor)::bigint AS minor FROM allocations a
        WHERE a.payment_id = p.id AND a.invoice_id = p.invoice_id
    ) AS own ON true
    WHERE p.customer_id = :customer_id AND p.status = 'completed'
      AND p.captured_minor - p.refunded_minor - p.refund_reserved_minor - p.credit_used_minor
          - coalesce(own.minor, 0) > 0
    ORDER BY p.id
    """
)


@dataclass(frozen=True, slots=True)
class Held:
    """Credit that one payment holds."""

    payment_id: str
    currency: str
    amount_minor: int


def held(session: Session, customer_id: str) -> Sequence[Held]:
    """Every payment with credit left, oldest first."""
    return [Held(*row) for row in session.execute(_HELD, {"customer_id": customer_id})]


def balances(session: Session, customer_id: str) -> dict[str, int]:
    """Credit per currency; currencies without any are not in it."""
    found: dict[str, int] = {}
    for each in held(session, customer_id):
        found[each.currency] = found.get(each.currency, 0) + each.amount_minor
    return found
