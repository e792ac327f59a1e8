"""What we asked the gateway: a row committed before any byte leaves.

The body is stored and re-sent unchanged under the same key, so that the gateway can recognise it;
after ``resend_until`` the gateway may have forgotten the key, and the key is not used again. A row
begins as ``sent``: whoever finds it cannot know whether the bytes left, and must not assume.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base, created_at, prefixed_id, states
from payments_app.domain.state_machine import Move, StateMachine

# The gateway keeps keys for 24 h at least; one hour is left for clocks and slow requests.
RESEND_FOR = timedelta(hours=23)


class RequestStatus(StrEnum):
    SENT = "sent"
    ANSWERED = "answered"
    UNKNOWN = "unknown"


_S = RequestStatus
MOVES = StateMachine(
    "gateway_request",
    RequestStatus,
    {
        "answer": Move(_S.SENT, _S.UNKNOWN, to=_S.ANSWERED),
        "lose_sight": Move(_S.SENT, to=_S.UNKNOWN),
    },
)


class GatewayRequest(Base):
    """One call to the gateway, by whichever worker held the job's lease."""

    __tablename__ = "gateway_requests"
    __table_args__ = (Index(None, "key"),)

    id: Mapped[str] = prefixed_id("req")
    payment_id: Mapped[str] = mapped_column(ForeignKey("payments.id"), index=True)
    attempt_id: Mapped[str | None] = mapped_column(ForeignKey("payment_attempts.id"))
    refund_id: Mapped[str | None] = mapped_column(ForeignKey("refunds.id"), index=True)
    op: Mapped[str]
    key: Mapped[str | None]
    target: Mapped[str | None]
    # json, not jsonb: the body keeps the order in which it was first sent.
    params: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    fingerprint: Mapped[str]
    status: Mapped[RequestStatus] = mapped_column(states(RequestStatus), default=RequestStatus.SENT)
    outcome: Mapped[str | None]
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    resend_until: Mapped[datetime | None]
    job_id: Mapped[int | None]
    job_lease: Mapped[int | None]
    created_at: Mapped[datetime] = created_at()
    sent_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]

    def move(self, event: str) -> None:
        """Make one move of the table. Raises InvalidTransition."""
        self.status = MOVES.require(event, self.status)
