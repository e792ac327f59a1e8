"""Jobs are made again from rows: a lost or spent job never decides about money.

Every open payment and refund has a ``next_action_at``. If that time has passed and no job has
acted on it for a while, a job is inserted; where one is still alive, uniqueness makes it a no-op.
"""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

import queue_core
from payments_app.domain.payment import LIVE, Payment
from payments_app.domain.refund import FINAL as REFUND_FINAL
from payments_app.domain.refund import Refund
from payments_app.jobs import ProcessPayment, ProcessRefund

SWEEP_MAX = 500
# A job that is on time has acted by then; this only keeps the janitor from doing its work twice.
GRACE = timedelta(seconds=5)


def sweep(session: Session, *, now: datetime) -> int:
    """Insert the missing jobs of at most 500 payments and 500 refunds; returns how many."""
    late = now - GRACE
    payments = session.scalars(
        select(Payment.id)
        .where(
            Payment.status.in_(LIVE),
            or_(Payment.next_action_at.is_(None), Payment.next_action_at <= late),
        )
        .order_by(Payment.next_action_at)
        .limit(SWEEP_MAX)
    ).all()
    refunds = session.scalars(
        select(Refund.id)
        .where(
            Refund.status.not_in(REFUND_FINAL),
            or_(Refund.next_action_at.is_(None), Refund.next_action_at <= late),
        )
        .order_by(Refund.next_action_at)
        .limit(SWEEP_MAX)
    ).all()
    jobs = [ProcessPayment(payment_id=key) for key in payments]
    made = [row for row in queue_core.insert_all(session, jobs) if not row.conflict] if jobs else []
    more = [ProcessRefund(refund_id=key) for key in refunds]
    made += (
        [row for row in queue_core.insert_all(session, more) if not row.conflict] if more else []
    )
    return len(made)
