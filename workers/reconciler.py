"""Once a day: what the gateway says it moved, beside what we hold.

Nothing is decided from the report alone. A capture that we do not hold as completed is looked at
once more at the gateway, and what it shows enters through the same door as every other fact; a
refund's own job is woken. Everything else is written down for a person.

``reconcile`` is also the command ``flask reconcile``: the same steps, by hand.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field

from sqlalchemy.orm import Session

from payments_app import clock
from payments_app.domain.reconciliation import BreakKind, BreakStatus, ReconciliationBreak
from payments_app.gateway.port import Gateway, Instruction, IntentSeen, Op, RefundSeen
from payments_app.gateway.settlement_report import ReportUnavailable, SettlementReports
from payments_app.jobs import Reconcile
from payments_app.services import (
    check_runs,
    disputes,
    observations,
    payments,
    reconciliation,
    refunding,
    refunds,
)
from payments_app.services.actor import act_as
from queue_core import Error, Job, Ok, Outcome, Worker
from queue_core.checkpoints import reach, register

register("reconciliation.recorded")

Transactions = Callable[[], AbstractContextManager[Session]]


@dataclass(slots=True)
class Summary:
    """One run in figures. ``found`` counts the breaks seen now, ``left`` those still open."""

    lines: int
    compared: int
    found: int = 0
    repaired: int = 0
    left: int = 0
    kinds: dict[str, int] = field(default_factory=dict)


class Reconciler(Worker[Reconcile]):
    """Compares, repairs what a rule allows, and leaves the rest as open breaks."""

    def __init__(self, gateway: Gateway, reports: SettlementReports) -> None:
        self.gateway = gateway
        self.reports = reports

    def perform(self, job: Job[Reconcile]) -> Outcome:
        try:
            summary = reconcile(job.session, self.gateway, self.reports, actor="worker:reconciler")
        except ReportUnavailable as error:
            return Error(str(error))
        return Ok({"found": summary.found, "repaired": summary.repaired, "left": summary.left})


def reconcile(
    transactions: Transactions, gateway: Gateway, reports: SettlementReports, *, actor: str
) -> Summary:
    """One whole run. Raises ReportUnavailable; every step may be repeated."""
    with transactions() as session:
        started_at = clock.now(session)
        before = reconciliation.read(session)
    try:
        report = reports.fetch()
    except ReportUnavailable as error:
        with transactions() as session:
            check_runs.keep_reconciliation(
                session,
                actor=actor,
                started_at=started_at,
                now=clock.now(session),
                trouble=str(error),
            )
        raise
    with transactions() as session:
        act_as(session, actor)
        now = clock.now(session)
        after = reconciliation.read(session)
        quiet = reconciliation.stood_still(before, after, now=now)
        found, compared = reconciliation.compare(quiet, after, report)
        seen = reconciliation.record(session, found, compared, now=now)
        opened = [each for each in seen if each.status is BreakStatus.OPEN]
        _wake(session, opened)
    reach("reconciliation.recorded")
    lines = len(report.charges) + len(report.refunds) + len(report.disputes)
    summary = Summary(lines, len(quiet), found=len(seen))
    for each in seen:
        summary.kinds[str(each.kind)] = summary.kinds.get(str(each.kind), 0) + 1
    for each in opened:
        if each.kind is BreakKind.CAPTURED_NOT_COMPLETED:
            summary.repaired += _repair(transactions, gateway, each, actor)
        elif each.kind is BreakKind.REFUND_NOT_MADE:
            summary.repaired += _repair_refund(transactions, gateway, each, actor)
    with transactions() as session:
        summary.left = len(reconciliation.open_breaks(session))
        check_runs.keep_reconciliation(
            session,
            actor=actor,
            started_at=started_at,
            now=clock.now(session),
            figures=_columns(summary),
        )
    return summary


def _columns(summary: Summary) -> dict[str, object]:
    figures = asdict(summary)
    left_open = figures.pop("left")
    return {**figures, "left_open": left_open}


def _wake(session: Session, opened: list[ReconciliationBreak]) -> None:
    for each in opened:
        if each.kind is BreakKind.REFUNDED_NOT_COMPLETED:
            reconciliation.wake_refund(session, each)
        elif each.kind is BreakKind.DISPUTES_DIFFER:
            disputes.look(session, each.subject_id)


def _repair_refund(
    transactions: Transactions, gateway: Gateway, found: ReconciliationBreak, actor: str
) -> bool:
    """Look at a refund that they do not have. True: it failed after all, and we know it now."""
    with transactions() as session:
        gateway_id = refunds.get(session, found.subject_id).gateway_refund_id
    if gateway_id is None:
        return False  # Recorded without one by hand: only a person can say what it was.
    seen = gateway.send(Instruction(request_id=found.id, op=Op.GET_REFUND, target=gateway_id))
    if not isinstance(seen, RefundSeen):
        return False
    with transactions() as session:
        act_as(session, actor, reason=f"reconciliation {found.id}")
        now = clock.now(session)
        refund = refunding.observe_refund(session, found.subject_id, seen, now=now)
        return reconciliation.note_bounce(session, found.id, refund, now=now)


def _repair(
    transactions: Transactions, gateway: Gateway, found: ReconciliationBreak, actor: str
) -> bool:
    """Look at the payment's intent, record what it shows. True: the payment is completed now."""
    payment_id = str(found.payment_id)
    with transactions() as session:
        intent_id = payments.get(session, payment_id).gateway_intent_id
    if intent_id is None:
        return False  # Money without an intent of ours: only a person can say whose it is.
    seen = gateway.send(Instruction(request_id=found.id, op=Op.GET_INTENT, target=intent_id))
    if not isinstance(seen, IntentSeen):
        return False  # No answer today: the break stays open, and tomorrow asks again.
    with transactions() as session:
        act_as(session, actor, reason=f"reconciliation {found.id}")
        now = clock.now(session)
        observations.observe_intent(session, payment_id, seen, now=now)
        return reconciliation.note_repair(session, found.id, now=now)
