"""Breaks as rows: opened, seen again, repaired by a rule, resolved by a person or by agreement."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.orm import Session

from payments_app.domain.errors import Invalid, NotFound
from payments_app.domain.payment import PaymentStatus
from payments_app.domain.reconciliation import BreakStatus, ReconciliationBreak
from payments_app.domain.refund import FINAL as REFUND_FINAL
from payments_app.domain.refund import Refund
from payments_app.services import payments, refunds
from payments_app.services.reconciliation.comparing import Difference

log = structlog.get_logger()

NOTE_LENGTH_MAX = 2_000
AGREED = "Agrees now."


def record(
    session: Session, found: Iterable[Difference], compared: Collection[str], *, now: datetime
) -> list[ReconciliationBreak]:
    """Open a break for each difference, and close the open ones that agree by now.

    Only what was compared in this run can have come to agree.
    """
    seen = [_see(session, difference, now) for difference in found]
    ids = {each.id for each in seen}
    for old in open_breaks(session):
        if old.id not in ids and old.subject_id in compared:
            _resolve(old, AGREED, now)
    session.flush()
    return seen


def note_repair(session: Session, break_id: str, *, now: datetime) -> bool:
    """After the gateway was looked at again: close the break if the payment is completed now."""
    found = _lock(session, break_id)
    if found.payment_id is None or found.status is not BreakStatus.OPEN:
        return False
    payment = payments.get(session, found.payment_id)
    session.refresh(payment)
    if payment.status is not PaymentStatus.COMPLETED:
        return False
    was = found.ours.get("status")
    log.error("reconciled_capture", payment=payment.id, was=was, found=found.id)
    _resolve(found, f"Repaired: we held it as {was}, the gateway captured; completed.", now)
    session.flush()
    return True


def note_bounce(session: Session, break_id: str, refund: Refund, *, now: datetime) -> bool:
    """After the gateway was looked at again: close the break if the refund has failed after all."""
    found = _lock(session, break_id)
    if found.status is not BreakStatus.OPEN or refund.bounced_at is None:
        return False
    _resolve(found, "Repaired: the gateway says that it failed after all; kept as credit.", now)
    session.flush()
    return True


def wake_refund(session: Session, found: ReconciliationBreak) -> bool:
    """Let the refund's own job look at the gateway. False: it has ended, so a person must."""
    refund = session.get(Refund, found.subject_id)
    if refund is None or refund.status in REFUND_FINAL:
        return False
    refunds.wake(session, refund)
    return True


def resolve_by_hand(
    session: Session, break_id: str, *, note: str, now: datetime
) -> ReconciliationBreak:
    """A person has decided. Raises NotFound, Invalid; a resolved break stays as it is."""
    text = note.strip()
    if not 0 < len(text) <= NOTE_LENGTH_MAX:
        raise Invalid("note", f"Say what was decided, in at most {NOTE_LENGTH_MAX} characters.")
    found = _lock(session, break_id)
    if found.status is BreakStatus.OPEN:
        _resolve(found, text, now)
        session.flush()
    return found


def open_breaks(session: Session) -> Sequence[ReconciliationBreak]:
    """What waits for a person, oldest first."""
    return session.scalars(
        select(ReconciliationBreak)
        .where(ReconciliationBreak.status == BreakStatus.OPEN)
        .order_by(ReconciliationBreak.found_at, ReconciliationBreak.id)
    ).all()


def _see(session: Session, difference: Difference, now: datetime) -> ReconciliationBreak:
    shown = {"ours": dict(difference.ours), "theirs": dict(difference.theirs)}
    new = session.execute(
        pg_insert(ReconciliationBreak)
        .values(
            kind=difference.kind,
            subject_id=difference.subject_id,
            payment_id=difference.payment_id,
            status=BreakStatus.OPEN,
            times_seen=1,
            found_at=now,
            last_seen_at=now,
            version=1,
            **shown,
        )
        .on_conflict_do_nothing(index_elements=["kind", "subject_id"])
        .returning(ReconciliationBreak.id)
    ).scalar_one_or_none()
    found = session.scalars(
        select(ReconciliationBreak)
        .where(
            ReconciliationBreak.kind == difference.kind,
            ReconciliationBreak.subject_id == difference.subject_id,
        )
        .with_for_update()
    ).one()
    if new is not None:
        log.error("reconciliation_break", kind=str(found.kind), subject=found.subject_id, **shown)
        return found
    # A person has decided about this very picture: seeing it again tomorrow is no news.
    news = (found.ours, found.theirs) != (shown["ours"], shown["theirs"])
    found.ours, found.theirs = shown["ours"], shown["theirs"]
    found.last_seen_at = now
    found.times_seen += 1
    if found.status is BreakStatus.RESOLVED and (news or found.resolution == AGREED):
        found.move("reopen")
        found.resolved_at = found.resolution = None
    return found


def _resolve(found: ReconciliationBreak, resolution: str, now: datetime) -> None:
    found.move("resolve")
    found.resolved_at = now
    found.resolution = resolution


def _lock(session: Session, break_id: str) -> ReconciliationBreak:
    found = session.get(ReconciliationBreak, break_id, with_for_update=True)
    if found is None:
        raise NotFound("reconciliation break", break_id)
    return found
