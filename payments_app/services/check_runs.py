"""Keeping what audits and reconciliations found, and raising the alarm when something is wrong."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete
from sqlalchemy.orm import Session

from payments_app.domain.check_run import AuditRun, ReconciliationRun

log = structlog.get_logger()

# Three months of hourly audits: enough to see since when, small enough to read in one look.
KEPT_FOR = timedelta(days=90)


def keep_audit(
    session: Session,
    findings: Sequence[Mapping[str, Any]],
    *,
    trouble: str | None,
    actor: str,
    started_at: datetime,
    now: datetime,
) -> AuditRun:
    """Write one audit down. A failure is an error in the log: whoever is on call hears it."""
    answers = [each["ok"] for each in findings]
    ok = False if False in answers else None if None in answers else True
    run = AuditRun(
        actor=actor,
        started_at=started_at,
        finished_at=now,
        ok=ok,
        findings=[dict(each) for each in findings],
        trouble=trouble,
    )
    session.add(run)
    session.execute(delete(AuditRun).where(AuditRun.finished_at < now - KEPT_FOR))
    session.flush()
    if ok is False:
        examples = [line for each in findings if each["ok"] is False for line in each["examples"]]
        log.error("audit_failed", run=run.id, failed=run.failed, examples=examples[:5])
    elif ok is None:
        log.warning("audit_incomplete", run=run.id, trouble=trouble)
    return run


def keep_reconciliation(
    session: Session,
    *,
    actor: str,
    started_at: datetime,
    now: datetime,
    trouble: str | None = None,
    figures: Mapping[str, Any] | None = None,
) -> ReconciliationRun:
    """Write one reconciliation down; ``figures`` are the columns that it counted."""
    run = ReconciliationRun(
        actor=actor, started_at=started_at, finished_at=now, trouble=trouble, **(figures or {})
    )
    session.add(run)
    session.execute(delete(ReconciliationRun).where(ReconciliationRun.finished_at < now - KEPT_FOR))
    session.flush()
    if trouble is not None:
        log.error("reconciliation_without_report", run=run.id, trouble=trouble)
    return run
