"""What we believe about money: one value per payment, read in one snapshot.

Read before and after the journal is fetched: a payment whose value differs moved meanwhile, and
its journal lines cannot be held against either reading.
"""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments_app.domain.payment import FINAL, PaymentStatus
from payments_app.domain.refund import FINAL as REFUND_FINAL
from payments_app.domain.refund import RefundStatus

_PAYMENTS = text(
    "SELECT id, status, version, gateway_intent_id, currency, captured_minor FROM payments"
)
_REFUNDS = text(
    "SELECT id, payment_id, status, amount_minor, currency, gateway_refund_id"
    " FROM refunds ORDER BY payment_id, id"
)
# What the postings of a payment, its refunds and its disputes say of the gateway's account.
_CLEARING = text(
    """
    SELECT coalesce(p.id, r.payment_id, d.payment_id) AS payment_id,
           sum(CASE WHEN t.debit_account = 'gateway_clearing' THEN t.amount_minor
                    ELSE -t.amount_minor END) AS clearing_minor
    FROM ledger_transfers t
    JOIN ledger_postings l ON l.id = t.posting_id
    LEFT JOIN payments p ON l.source_type = 'payment' AND p.id = l.source_id
    LEFT JOIN refunds r ON l.source_type = 'refund' AND r.id = l.source_id
    LEFT JOIN disputes d ON l.source_type = 'dispute' AND d.id = l.source_id
    WHERE 'gateway_clearing' IN (t.debit_account, t.credit_account)
      AND l.source_type IN ('payment', 'refund', 'dispute')
    GROUP BY 1
    """
)

_EXPLAINED = text(
    "SELECT subject_id FROM reconciliation_breaks WHERE status = 'resolved'"
    " AND kind IN ('capture_of_nobody', 'refund_of_nobody')"
)


@dataclass(frozen=True, slots=True)
class RefundHeld:
    """``gateway_id``: the refund at the gateway that is this one."""

    id: str
    status: RefundStatus
    amount_minor: int
    currency: str
    gateway_id: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentHeld:
    """A payment as our rows tell it. ``clearing_minor`` is its part of the gateway's account."""

    id: str
    status: PaymentStatus
    version: int
    intent: str | None
    currency: str
    captured_minor: int
    clearing_minor: int
    refunds: tuple[RefundHeld, ...]

    @property
    def at_rest(self) -> bool:
        """Nothing of it is on its way: neither the payment nor any refund."""
        return self.status in FINAL and all(each.status in REFUND_FINAL for each in self.refunds)


Books = dict[str, PaymentHeld]


def take_snapshot(session: Session) -> None:
    """Read one moment: two statements of an audit must not see two. The first of a transaction."""
    session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))


def read(session: Session) -> Books:
    """All payments, within a snapshot."""
    clearing: dict[str, int] = {row[0]: int(row[1]) for row in session.execute(_CLEARING)}
    refunds: dict[str, list[RefundHeld]] = {}
    for row in session.execute(_REFUNDS):
        refunds.setdefault(row.payment_id, []).append(
            RefundHeld(
                id=row.id,
                status=RefundStatus(row.status),
                amount_minor=row.amount_minor,
                currency=row.currency,
                gateway_id=row.gateway_refund_id,
            )
        )
    return {
        row.id: PaymentHeld(
            id=row.id,
            status=PaymentStatus(row.status),
            version=row.version,
            intent=row.gateway_intent_id,
            currency=row.currency,
            captured_minor=row.captured_minor,
            clearing_minor=clearing.get(row.id, 0),
            refunds=tuple(refunds.get(row.id, ())),
        )
        for row in session.execute(_PAYMENTS)
    }


def explained(session: Session) -> frozenset[str]:
    """Lines of the gateway's that belong to nobody, and that a person has accounted for."""
    return frozenset(session.scalars(_EXPLAINED))


def stood_still(before: Books, after: Books) -> list[PaymentHeld]:
    """The payments at rest that did not move between the two readings."""
    return [held for id, held in before.items() if held.at_rest and after.get(id) == held]
