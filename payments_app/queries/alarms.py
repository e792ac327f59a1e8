"""What is wrong with the whole, in one look: the newest audit, open breaks, waiting decisions."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments_app.domain.check_run import AuditRun
from payments_app.domain.payment import Payment, PaymentStatus
from payments_app.domain.reconciliation import BreakStatus, ReconciliationBreak
from payments_app.domain.refund import Refund, RefundStatus


@dataclass(frozen=True, slots=True)
class Alarms:
    """``failed``: the invariants that did not hold at ``audited_at``."""

    failed: tuple[str, ...]
    audited_at: datetime | None
    trouble: str | None
    open_breaks: int
    reviews: int

    @property
    def any(self) -> bool:
        return bool(self.failed or self.trouble or self.open_breaks or self.reviews)


def alarms(session: Session) -> Alarms:
    audited = newest_audit(session)
    payments = select(func.count()).where(Payment.status == PaymentStatus.NEEDS_REVIEW)
    refunds = select(func.count()).where(Refund.status == RefundStatus.NEEDS_REVIEW)
    breaks = select(func.count()).where(ReconciliationBreak.status == BreakStatus.OPEN)
    return Alarms(
        failed=tuple(audited.failed) if audited else (),
        audited_at=audited.finished_at if audited else None,
        trouble=audited.trouble if audited else None,
        open_breaks=session.scalar(breaks) or 0,
        reviews=(session.scalar(payments) or 0) + (session.scalar(refunds) or 0),
    )


def newest_audit(session: Session) -> AuditRun | None:
    newest = select(AuditRun).order_by(AuditRun.finished_at.desc(), AuditRun.id.desc()).limit(1)
    return session.scalars(newest).first()
