"""Webhooks that arrived: the primary key makes an event count once, however often it comes."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base, created_at, states
from payments_app.domain.state_machine import Move, StateMachine


class EventStatus(StrEnum):
    RECEIVED = "received"
    PROCESSED = "processed"
    IGNORED = "ignored"
    PARKED = "parked"


_S = EventStatus
MOVES = StateMachine(
    "inbound_event",
    EventStatus,
    {
        "process": Move(_S.RECEIVED, _S.PARKED, to=_S.PROCESSED),
        "ignore": Move(_S.RECEIVED, _S.PARKED, to=_S.IGNORED),
        "park": Move(_S.RECEIVED, to=_S.PARKED),
        "replay": Move(_S.PROCESSED, _S.IGNORED, _S.PARKED, to=_S.RECEIVED),
    },
)


class InboundEvent(Base):
    """One event of one provider: a hint to look at the object again, never an order."""

    __tablename__ = "inbound_events"

    provider: Mapped[str] = mapped_column(primary_key=True)
    event_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    object_id: Mapped[str | None]
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    status: Mapped[EventStatus] = mapped_column(states(EventStatus), default=EventStatus.RECEIVED)
    times_received: Mapped[int] = mapped_column(default=1)
    received_at: Mapped[datetime] = created_at()
    processed_at: Mapped[datetime | None]

    def move(self, event: str) -> None:
        """Make one move of the table. Raises InvalidTransition."""
        self.status = MOVES.require(event, self.status)
