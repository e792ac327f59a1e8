"""The gateway's webhooks as they were kept, for operators."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments_app.domain.inbound_event import EventStatus, InboundEvent


def newest(
    session: Session, status: EventStatus | None = None, *, limit: int
) -> Sequence[InboundEvent]:
    """The newest events, of one status or of all."""
    query = select(InboundEvent).order_by(InboundEvent.received_at.desc(), InboundEvent.event_id)
    if status is not None:
        query = query.where(InboundEvent.status == status)
    return session.scalars(query.limit(limit)).all()


def one(session: Session, event_id: str) -> InboundEvent | None:
    """The event with this id, whoever sent it."""
    return session.scalars(
        select(InboundEvent).where(InboundEvent.event_id == event_id).limit(1)
    ).first()
