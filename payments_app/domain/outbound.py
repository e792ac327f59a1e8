"""Events for others: one per committed change, and their deliveries to the endpoints of customers.

An event says what changed and its place in the line of its subject, not what the subject is now: a
receiver reads that over the API. So a delivery that is late, doubled or out of order can mislead
nobody, and the gaps in a line are seen.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base, created_at, prefixed_id, states, version
from payments_app.domain.state_machine import Move, StateMachine


class DeliveryStatus(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"
    DISABLED = "disabled"


_S = DeliveryStatus
MOVES = StateMachine(
    "webhook_delivery",
    DeliveryStatus,
    {
        "deliver": Move(_S.PENDING, to=_S.DELIVERED),
        "exhaust": Move(_S.PENDING, to=_S.EXHAUSTED),
        "disable": Move(_S.PENDING, to=_S.DISABLED),
        "replay": Move(_S.DELIVERED, _S.EXHAUSTED, _S.DISABLED, to=_S.PENDING),
    },
)


class OutboundEvent(Base):
    """One change of one subject; written by the database's trigger, never by code."""

    __tablename__ = "outbound_events"
    __table_args__ = (UniqueConstraint("subject_id", "seq"),)

    id: Mapped[str] = prefixed_id("evt")
    subject_type: Mapped[str]
    subject_id: Mapped[str]
    seq: Mapped[int]
    type: Mapped[str]
    transition_id: Mapped[int] = mapped_column(ForeignKey("transition_log.id"), unique=True)
    created_at: Mapped[datetime]


class WebhookEndpoint(Base):
    """Where somebody wants to be told. ``secret`` signs: it must be kept in clear to sign with.

    ``previous_secret`` signs beside it until ``previous_until``, while the receiver changes over.
    """

    __tablename__ = "webhook_endpoints"

    id: Mapped[str] = prefixed_id("whe")
    url: Mapped[str]
    secret: Mapped[str]
    previous_secret: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = created_at()
    disabled_at: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    version: Mapped[int] = version()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


class WebhookDelivery(Base):
    """One event on its way to one endpoint."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id"),
        CheckConstraint("(status = 'pending') = (next_at IS NOT NULL)", name="next"),
    )

    id: Mapped[str] = prefixed_id("whd")
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.id"))
    event_id: Mapped[str] = mapped_column(ForeignKey("outbound_events.id"), index=True)
    status: Mapped[DeliveryStatus] = mapped_column(states(DeliveryStatus))
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    created_at: Mapped[datetime] = created_at()
    delivered_at: Mapped[datetime | None]
    version: Mapped[int] = version()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def move(self, event: str) -> None:
        """Make one move of the table. Raises InvalidTransition."""
        self.status = MOVES.require(event, self.status)
