"""Recording disputes as the gateway shows them: the hold and its end, each posted once."""

from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

import queue_core
from payments_app.domain.dispute import Dispute, DisputeStatus
from payments_app.domain.ledger import Account, PostingKind
from payments_app.gateway.port import DisputeSeen, DisputesListed
from payments_app.gateway.port import DisputeStatus as Seen
from payments_app.jobs import LookAtDisputes
from payments_app.services import ledger
from payments_app.services.ledger import Transfer
from payments_app.services.locking import lock_payment

log = structlog.get_logger()


def look(session: Session, payment_id: str) -> None:
    """Have a worker read the gateway's list of this payment's disputes."""
    queue_core.insert(session, LookAtDisputes(payment_id=payment_id), wake=True)


def observe(
    session: Session, payment_id: str, listed: DisputesListed, *, now: datetime
) -> list[Dispute]:
    """Record what the list shows, as often as it is read. Returns this payment's disputes."""
    payment = lock_payment(session, payment_id)
    if payment.gateway_intent_id != listed.intent_id:
        return []
    known = {
        each.gateway_dispute_id: each
        for each in session.scalars(select(Dispute).where(Dispute.payment_id == payment_id))
    }
    for seen in listed.disputes:
        if seen.status is Seen.WARNING:
            continue  # An inquiry: no money has moved, and perhaps none will.
        dispute = known.get(seen.dispute_id) or _open(session, payment_id, seen, now)
        known[seen.dispute_id] = dispute
        _close(session, dispute, seen, now)
    session.flush()
    return list(known.values())


def in_the_way(session: Session, payment_id: str) -> str | None:
    """The dispute because of which the gateway gives nothing back of this payment."""
    return session.scalar(
        select(Dispute.id).where(
            Dispute.payment_id == payment_id, Dispute.status != DisputeStatus.WON
        )
    )


def _open(session: Session, payment_id: str, seen: DisputeSeen, now: datetime) -> Dispute:
    dispute = Dispute(
        payment_id=payment_id,
        gateway_dispute_id=seen.dispute_id,
        reason=seen.reason,
        amount_minor=seen.amount_minor,
        currency=seen.currency,
        opened_at=now,
    )
    session.add(dispute)
    session.flush()
    log.error("dispute_opened", payment=payment_id, dispute=dispute.id, reason=seen.reason)
    _post(session, dispute, PostingKind.DISPUTE_HOLD, Account.DISPUTES, Account.GATEWAY_CLEARING)
    return dispute


def _close(session: Session, dispute: Dispute, seen: DisputeSeen, now: datetime) -> None:
    if dispute.status is not DisputeStatus.OPEN:
        return
    match seen.status:
        case Seen.WON:
            dispute.move("win")
            kind, debit = PostingKind.DISPUTE_RELEASE, Account.GATEWAY_CLEARING
        case Seen.LOST:
            dispute.move("lose")
            kind, debit = PostingKind.DISPUTE_LOSS, Account.DISPUTE_LOSSES
        case _:
            return
    dispute.closed_at = now
    session.flush()
    _post(session, dispute, kind, debit, Account.DISPUTES)
    log.warning("dispute_closed", dispute=dispute.id, status=str(dispute.status))


def _post(
    session: Session, dispute: Dispute, kind: PostingKind, debit: Account, credit: Account
) -> None:
    ledger.post(
        session,
        source_type="dispute",
        source_id=dispute.id,
        kind=kind,
        currency=dispute.currency,
        transfers=(Transfer(debit, credit, dispute.amount_minor),),
        memo=dispute.reason,
    )
