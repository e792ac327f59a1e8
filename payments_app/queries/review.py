"""What waits for a person, and what the gateway said last about it: read from the recorded answers.

Nothing is asked here. The last word is the newest answer that a worker got and wrote down, so a
page can show it beside ours without a request of its own, and says how old it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from payments_app.domain.gateway_request import GatewayRequest, RequestStatus
from payments_app.domain.payment import Payment
from payments_app.domain.refund import Refund
from payments_app.domain.review import IntentWord, RefundWord, SeenRefund
from payments_app.gateway.port import Op

WAITING_MAX = 200
_REFUSALS = frozenset({"rejected", "busy", "not_sent"})

_WAITING = text(
    """
    SELECT w.*, c.name AS customer_name,
           (SELECT max(l.at) FROM transition_log l
            WHERE l.aggregate_id = w.id AND l.to_state = 'needs_review') AS since
    FROM (
        SELECT 'payment' AS kind, id, id AS payment_id, customer_id, amount_minor, currency,
               review_reason AS reason
        FROM payments WHERE status = 'needs_review'
        UNION ALL
        SELECT 'refund', r.id, r.payment_id, p.customer_id, r.amount_minor, r.currency,
               r.review_reason
        FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE r.status = 'needs_review'
    ) AS w
    JOIN customers c ON c.id = w.customer_id
    ORDER BY since, w.id LIMIT :most
    """
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One payment or refund that needs a person's decision."""

    kind: str
    id: str
    payment_id: str
    customer_id: str
    amount_minor: int
    currency: str
    reason: str | None
    customer_name: str
    since: datetime | None


def waiting(session: Session) -> Sequence[Waiting]:
    """What waits longest comes first; at most 200."""
    found = session.execute(_WAITING, {"most": WAITING_MAX})
    return [Waiting(**row) for row in found.mappings()]


def intent_word(session: Session, payment: Payment) -> IntentWord | None:
    """The gateway's newest answer that showed an intent to this payment."""
    answered = session.scalars(
        select(GatewayRequest)
        .where(
            GatewayRequest.payment_id == payment.id,
            GatewayRequest.refund_id.is_(None),
            GatewayRequest.status == RequestStatus.ANSWERED,
            GatewayRequest.detail.has_key("intent"),
        )
        .order_by(GatewayRequest.answered_at.desc(), GatewayRequest.created_at.desc())
        .limit(1)
    ).first()
    if answered is None or answered.answered_at is None:
        return None
    told = answered.detail or {}
    return IntentWord(
        at=answered.answered_at,
        outcome=str(answered.outcome),
        intent=told.get("intent"),
        payment=told.get("payment"),
        charge=told.get("charge"),
        amount_minor=told.get("amount_minor"),
        captured_minor=told.get("captured_minor"),
        currency=told.get("currency"),
    )


def refund_word(session: Session, refund: Refund) -> RefundWord:
    """The gateway's newest list for this refund, and how its own sends were answered."""
    calls = session.scalars(
        select(GatewayRequest)
        .where(GatewayRequest.refund_id == refund.id)
        .order_by(GatewayRequest.sent_at, GatewayRequest.created_at)
    ).all()
    sends = [call for call in calls if call.op == Op.CREATE_REFUND]
    lists = [call for call in calls if call.op == Op.LIST_REFUNDS and call.outcome == "listed"]
    siblings = session.scalars(
        select(Refund.gateway_refund_id).where(
            Refund.payment_id == refund.payment_id,
            Refund.id != refund.id,
            Refund.gateway_refund_id.is_not(None),
        )
    )
    shown = (lists[-1].detail or {}).get("refunds", ()) if lists else ()
    return RefundWord(
        at=lists[-1].answered_at if lists else None,
        seen=tuple(SeenRefund(**each) for each in shown),
        taken=frozenset(filter(None, siblings)),
        all_sends_refused=bool(sends) and all(call.outcome in _REFUSALS for call in sends),
    )
