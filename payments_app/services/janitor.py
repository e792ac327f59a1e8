"""Jobs are made again from rows: a lost or spent job never decides about money.

Every open payment and refund has a ``next_action_at``. If that time has passed and no job has
acted on it for a while, a job is inserted; where one is still alive, uniqueness makes it a no-op.
So it is with a webhook that nobody has handled for a while.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

import queue_core
from payments_app.domain.inbound_event import EventStatus, InboundEvent
from payments_app.domain.payment import LIVE, Payment
from payments_app.domain.refund import FINAL as REFUND_FINAL
from payments_app.domain.refund import Refund
from payments_app.jobs import HandleGatewayEvent, ProcessPayment, ProcessRefund
from queue_core import JobArgs

SWEEP_MAX = 500
# A job that is on time has acted by then; this only keeps the janitor from doing its work twice.
GRACE = timedelta(seconds=5)
# An event's job may wait for a gateway that is away; after this long it may as well be gone.
EVENT_GRACE = timedelta(minutes=15)


def sweep(session: Session, *, now: datetime) -> int:
    """Insert the missing jobs of at most 500 rows of each kind; returns how many."""
    late = now - GRACE
    payments = session.scalars(
        select(Payment.id)
        .where(
            Payment.status.in_(LIVE),
            or_(Payment.next_action_at.is_(None), Payment.next_action_at <= late),
        )
        .order_by(Payment.next_action_at)
        .limit(SWEEP_MAX)
    )
    refunds = session.scalars(
        select(Refund.id)
        .where(
            Refund.status.not_in(REFUND_FINAL),
            or_(Refund.next_action_at.is_(None), Refund.next_action_at <= late),
        )
        .order_by(Refund.next_action_at)
        .limit(SWEEP_MAX)
    )
    events = session.scalars(
        select(InboundEvent.event_id)
        .where(
            InboundEvent.status == EventStatus.RECEIVED,
            InboundEvent.received_at <= now - EVENT_GRACE,
        )
        .order_by(InboundEvent.received_at)
        .limit(SWEEP_MAX)
    )
    return (
        _insert(session, [ProcessPayment(payment_id=key) for key in payments])
        + _insert(session, [ProcessRefund(refund_id=key) for key in refunds])
        + _insert(session, [HandleGatewayEvent(event_id=key) for key in events])
    )


def _insert(session: Session, jobs: Sequence[JobArgs]) -> int:
    if not jobs:
        return 0
    return sum(not row.conflict for row in queue_core.insert_all(session, jobs))
