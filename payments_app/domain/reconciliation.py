"""Breaks: where our books and the gateway's disagree, one row per disagreement.

A break says what we hold and what they hold, in the words of that moment. It ends when the two
agree again, by a rule or by themselves, or when a person has decided; what is found again after
that opens the same row again, so that nobody has to look for its history.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base, created_at, prefixed_id, states, version
from payments_app.domain.state_machine import Move, StateMachine


class BreakStatus(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"


_S = BreakStatus
MOVES = StateMachine(
    "reconciliation_break",
    BreakStatus,
    {
        "resolve": Move(_S.OPEN, to=_S.RESOLVED),
        "reopen": Move(_S.RESOLVED, to=_S.OPEN),  # found again
    },
)


class BreakKind(StrEnum):
    """What disagrees. The subject is a payment, a refund, or a line that only they have."""

    CAPTURED_NOT_COMPLETED = "captured_not_completed"
    COMPLETED_NOT_CAPTURED = "completed_not_captured"
    CAPTURED_TWICE = "captured_twice"
    CAPTURED_AMOUNT_DIFFERS = "captured_amount_differs"
    CAPTURE_OF_NOBODY = "capture_of_nobody"
    REFUNDED_NOT_COMPLETED = "refunded_not_completed"
    REFUND_NOT_MADE = "refund_not_made"
    REFUND_AMOUNT_DIFFERS = "refund_amount_differs"
    REFUND_OF_NOBODY = "refund_of_nobody"
    DISPUTES_DIFFER = "disputes_differ"
    LEDGER_DIFFERS = "ledger_differs"


class ReconciliationBreak(Base):
    """One disagreement about one subject, found at least once."""

    __tablename__ = "reconciliation_breaks"
    __table_args__ = (UniqueConstraint("kind", "subject_id"),)

    id: Mapped[str] = prefixed_id("brk")
    kind: Mapped[BreakKind] = mapped_column(states(BreakKind))
    subject_id: Mapped[str]
    payment_id: Mapped[str | None] = mapped_column(ForeignKey("payments.id"), index=True)
    status: Mapped[BreakStatus] = mapped_column(states(BreakStatus), default=BreakStatus.OPEN)
    ours: Mapped[dict[str, Any]] = mapped_column(JSONB)
    theirs: Mapped[dict[str, Any]] = mapped_column(JSONB)
    found_at: Mapped[datetime] = created_at()
    last_seen_at: Mapped[datetime] = created_at()
    times_seen: Mapped[int] = mapped_column(default=1)
    resolved_at: Mapped[datetime | None]
    resolution: Mapped[str | None]
    version: Mapped[int] = version()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def move(self, event: str) -> None:
        """Make one move of the table. Raises InvalidTransition."""
        self.status = MOVES.require(event, self.status)
