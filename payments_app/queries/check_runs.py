"""What the pages of the two checks show: their runs, and the breaks with both sides."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payments_app.domain.check_run import AuditRun, ReconciliationRun
from payments_app.domain.errors import NotFound
from payments_app.domain.reconciliation import BreakStatus, ReconciliationBreak
from payments_app.domain.transition import Transition
from payments_app.queries.paging import Numbered, numbered

RUNS_SHOWN_MAX = 24


def audit_runs(session: Session) -> Sequence[AuditRun]:
    newest = select(AuditRun).order_by(AuditRun.finished_at.desc(), AuditRun.id.desc())
    return session.scalars(newest.limit(RUNS_SHOWN_MAX)).all()


def reconciliation_runs(session: Session) -> Sequence[ReconciliationRun]:
    newest = select(ReconciliationRun).order_by(
        ReconciliationRun.finished_at.desc(), ReconciliationRun.id.desc()
    )
    return session.scalars(newest.limit(RUNS_SHOWN_MAX)).all()


def breaks(session: Session, status: BreakStatus, *, page: int) -> Numbered[ReconciliationBreak]:
    """Open ones oldest first, as they are worked through; resolved ones newest first."""
    found = select(ReconciliationBreak).where(ReconciliationBreak.status == status)
    if status is BreakStatus.OPEN:
        found = found.order_by(ReconciliationBreak.found_at, ReconciliationBreak.id)
    else:
        found = found.order_by(
            ReconciliationBreak.resolved_at.desc(), ReconciliationBreak.id.desc()
        )
    return numbered(session, found, page, lambda row: row[0])


def break_counts(session: Session) -> dict[str, int]:
    counted = session.execute(
        select(ReconciliationBreak.status, func.count()).group_by(ReconciliationBreak.status)
    )
    return {"open": 0, "resolved": 0} | {str(row[0]): row[1] for row in counted}


def one_break(session: Session, break_id: str) -> ReconciliationBreak:
    """Raises NotFound."""
    found = session.get(ReconciliationBreak, break_id)
    if found is None:
        raise NotFound("reconciliation break", break_id)
    return found


def history(session: Session, break_id: str) -> Sequence[Transition]:
    """Opened, resolved, opened again: who and why."""
    moves = select(Transition).where(Transition.aggregate_id == break_id).order_by(Transition.id)
    return session.scalars(moves).all()
