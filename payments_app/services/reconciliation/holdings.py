"""What we hold of every payment, in one statement and so of one moment.

A payment that is being worked on must not be compared: our row and their line would be of two
moments. So the rows are read before and after the report, and only what stood still counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from payments_app.domain.payment import FINAL, PaymentStatus
from payments_app.domain.refund import FINAL as REFUND_FINAL
from payments_app.domain.refund import RefundStatus

# A payment that was asked about within this time is on its way: its own job will see to it.
ON_ITS_WAY = timedelta(minutes=15)

_HELD = text(
    """
    SELECT p.id, p.status, p.version, p.gateway_intent_id, p.currency, p.captured_minor,
           coalesce(asked.at, p.created_at) AS asked_at,
           coalesce(refund.rows, '[]'::json) AS refunds,
           coalesce(clearing.minor, 0)::bigint AS clearing_minor
    FROM payments p
    LEFT JOIN LATERAL (
        SELECT max(r.sent_at) AS at FROM gateway_requests r WHERE r.payment_id = p.id
    ) asked ON true
    LEFT JOIN LATERAL (
        SELECT json_agg(json_build_array(
                   r.id, r.status, r.version, r.gateway_refund_id, r.amount_minor) ORDER BY r.id)
               AS rows
        FROM refunds r WHERE r.payment_id = p.id
    ) refund ON true
    LEFT JOIN LATERAL (
        SELECT sum(CASE WHEN t.debit_account = 'gateway_clearing' THEN t.amount_minor
                        ELSE -t.amount_minor END) AS minor
        FROM ledger_postings l
        JOIN ledger_transfers t ON t.posting_id = l.id
        WHERE 'gateway_clearing' IN (t.debit_account, t.credit_account)
          AND ((l.source_type = 'payment' AND l.source_id = p.id)
               OR (l.source_type = 'refund'
                   AND l.source_id IN (SELECT r.id FROM refunds r WHERE r.payment_id = p.id)))
    ) clearing ON true
    """
)


@dataclass(frozen=True, slots=True)
class RefundHeld:
    id: str
    status: RefundStatus
    version: int
    gateway_refund_id: str | None
    amount_minor: int

    @property
    def is_final(self) -> bool:
        return self.status in REFUND_FINAL


@dataclass(frozen=True, slots=True)
class PaymentHeld:
    """``clearing_minor``: this payment's part of the ledger's account at the gateway."""

    id: str
    status: PaymentStatus
    version: int
    intent: str | None
    currency: str
    captured_minor: int
    asked_at: datetime
    refunds: tuple[RefundHeld, ...]
    clearing_minor: int

    @property
    def is_final(self) -> bool:
        return self.status in FINAL and all(each.is_final for each in self.refunds)


Holdings = Mapping[str, PaymentHeld]


def read(session: Session) -> Holdings:
    """Every payment, by id."""
    return {
        row.id: PaymentHeld(
            id=row.id,
            status=PaymentStatus(row.status),
            version=row.version,
            intent=row.gateway_intent_id,
            currency=row.currency,
            captured_minor=row.captured_minor,
            asked_at=row.asked_at,
            refunds=tuple(
                RefundHeld(id, RefundStatus(status), version, gateway_id, amount)
                for id, status, version, gateway_id, amount in row.refunds
            ),
            clearing_minor=row.clearing_minor,
        )
        for row in session.execute(_HELD)
    }


def stood_still(before: Holdings, after: Holdings, *, now: datetime) -> list[PaymentHeld]:
    """What can be compared: it did not move meanwhile, and nothing of it is on its way."""
    quiet_since = now - ON_ITS_WAY
    return [
        held
        for id, held in before.items()
        if after.get(id) == held and (held.is_final or held.asked_at <= quiet_since)
    ]
