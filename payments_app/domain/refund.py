"""Refunds: reserved under a CHECK before anything is sent, one on the wire per payment.

``completed`` is not quite the end: a bank may send the money back days later, to an account that
was closed. Then the refund has failed after all, and what came back is the customer's credit.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base, created_at, prefixed_id, states, version
from payments_app.domain.state_machine import Move, StateMachine


class RefundStatus(StrEnum):
    REQUESTED = "requested"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    NEEDS_REVIEW = "needs_review"


_S = RefundStatus
_OPEN = (_S.REQUESTED, _S.PROCESSING, _S.NEEDS_REVIEW)
FINAL = frozenset({_S.COMPLETED, _S.FAILED})
MOVES = StateMachine(
    "refund",
    RefundStatus,
    {
        "begin": Move(_S.REQUESTED, to=_S.PROCESSING),
        "complete": Move(*_OPEN, to=_S.COMPLETED),
        "fail": Move(*_OPEN, to=_S.FAILED),
        "park": Move(_S.REQUESTED, _S.PROCESSING, to=_S.NEEDS_REVIEW),
        "resume": Move(_S.NEEDS_REVIEW, to=_S.PROCESSING),
        "bounce": Move(_S.COMPLETED, to=_S.FAILED),  # the bank sent it back; with an alarm
    },
)


class Refund(Base):
    """Money on its way back. ``amount_minor`` is reserved on the payment while the row is open."""

    __tablename__ = "refunds"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint(
            "(status IN ('completed', 'failed')) = (finished_at IS NOT NULL)", name="finished"
        ),
        Index(
            "refunds_one_open_per_payment",
            "payment_id",
            unique=True,
            postgresql_where=text("status IN ('requested', 'processing', 'needs_review')"),
        ),
    )

    id: Mapped[str] = prefixed_id("rfd")
    payment_id: Mapped[str] = mapped_column(ForeignKey("payments.id"), index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    reason: Mapped[str]
    with_credit_note: Mapped[bool] = mapped_column(default=True)
    status: Mapped[RefundStatus] = mapped_column(
        states(RefundStatus), default=RefundStatus.REQUESTED
    )
    gateway_refund_id: Mapped[str | None] = mapped_column(unique=True)
    first_sent_at: Mapped[datetime | None]
    last_sent_at: Mapped[datetime | None]
    resend_until: Mapped[datetime | None]
    listed_at: Mapped[datetime | None]
    next_action_at: Mapped[datetime | None]
    waits: Mapped[int] = mapped_column(default=0)
    failure_code: Mapped[str | None]
    review_reason: Mapped[str | None]
    created_at: Mapped[datetime] = created_at()
    finished_at: Mapped[datetime | None]
    # It had succeeded, and the customer's bank sent the money back to us.
    bounced_at: Mapped[datetime | None]
    version: Mapped[int] = version()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def key(self) -> str:
        """The gateway key. It never changes because of a timeout."""
        return f"rfd:{self.id}:create"

    def move(self, event: str) -> None:
        """Make one move of the table. Raises InvalidTransition."""
        self.status = MOVES.require(event, self.status)
