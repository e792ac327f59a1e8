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

# Each part is summed once for all payments: row by row it would read the ledger once per payment.
_HELD = text(
    """
    WITH asked AS (
        SELECT payment_id, max(sent_at) AS at FROM gateway_requests GROUP BY payment_id
    ), back AS (
        SELECT payment_id,
               json_agg(json_build_array(id, status, version, gateway_refund_id, amount_minor)
                        ORDER BY id) AS refunds
        FROM refunds
        GROUP BY payment_id
    ), disputed AS (
        -- Those for which the gateway's account is short.
        SELECT payment_id, json_agg(gateway_dispute_id ORDER BY gateway_dispute_id) AS ids
        FROM disputes WHERE status <> 'won'
        GROUP BY payment_id
    ), clearing AS (
        SELECT coalesce(p.id, r.payment_id, d.payment_id) AS payment_id,
               sum(CASE WHEN t.debit_account = 'gateway_clearing' THEN t.amount_minor
                        ELSE -t.amount_minor END) AS minor
        FROM ledger_transfers t
        JOIN ledger_postings l ON l.id = t.posting_id
        LEFT JOIN payments p ON l.source_type = 'payment' AND p.id = l.source_id
        LEFT JOIN refunds r ON l.source_type = 'refund' AND r.id = l.source_id
        LEFT JOIN disputes d ON l.source_type = 'dispute' AND d.id = l.source_id
        WHERE 'gateway_clearing' IN (t.debit_account, t.credit_account)
        GROUP BY 1
    )
    SELECT p.id, p.status, p.version, p.gateway_intent_id, p.currency, p.captured_minor,
           coalesce(asked.at, p.created_at) AS asked_at,
           coalesce(back.refunds, '[]'::json) AS refunds,
           coalesce(disputed.ids, '[]'::json) AS disputes,
           coalesce(clearing.minor, 0)::bigint AS clearing_minor
    FROM payments p
    LEFT JOIN asked ON asked.payment_id = p.id
    LEFT JOIN back ON back.payment_id = p.id
    LEFT JOIN disputed ON disputed.payment_id = p.id
    LEFT JOIN clearing ON clearing.payment_id = p.id
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
    """``clearing_minor``: this payment's part of the ledger's account at the gateway.

    ``disputes``: the gateway's ids of the disputes for which that account is short.
    """

    id: str
    status: PaymentStatus
    version: int
    intent: str | None
    currency: str
    captured_minor: int
    asked_at: datetime
    refunds: tuple[RefundHeld, ...]
    clearing_minor: int
    disputes: tuple[str, ...] = ()

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
            disputes=tuple(row.disputes),
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
