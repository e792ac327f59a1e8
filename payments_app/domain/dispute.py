"""Disputes: the cardholder's bank takes a charge back, and a decision says who keeps the money.

They are the gateway's facts. Opening one moves the amount out of our account at the gateway at
once, so the ledger holds it on an account of its own until the dispute is won (it comes back) or
lost (it is a loss). The payment stays completed: the card was charged, once.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base, created_at, prefixed_id, states, version
from payments_app.domain.state_machine import Move, StateMachine


class DisputeStatus(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


_S = DisputeStatus
MOVES = StateMachine(
    "dispute",
    DisputeStatus,
    {
        "win": Move(_S.OPEN, to=_S.WON),
        "lose": Move(_S.OPEN, to=_S.LOST),
    },
)


class Dispute(Base):
    """One dispute of one payment's charge."""

    __tablename__ = "disputes"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("(status = 'open') = (closed_at IS NULL)", name="closed"),
    )

    id: Mapped[str] = prefixed_id("dsp")
    payment_id: Mapped[str] = mapped_column(ForeignKey("payments.id"), index=True)
    gateway_dispute_id: Mapped[str] = mapped_column(unique=True)
    status: Mapped[DisputeStatus] = mapped_column(states(DisputeStatus), default=DisputeStatus.OPEN)
    reason: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    opened_at: Mapped[datetime] = created_at()
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = version()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def move(self, event: str) -> None:
        """Make one move of the table. Raises InvalidTransition."""
        self.status = MOVES.require(event, self.status)
