"""E-mail as an outbox: at most one logical mail per (subject, kind).

It is transmitted at least once; a duplicate transmission carries the same Message-ID, so that mail
programs show it once. That is all that SMTP allows, and the guarantees page says so.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base, created_at, prefixed_id, states, version
from payments_app.domain.state_machine import Move, StateMachine


class EmailStatus(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    BOUNCED = "bounced"


_S = EmailStatus
MOVES = StateMachine(
    "email_delivery",
    EmailStatus,
    {
        "send": Move(_S.QUEUED, to=_S.SENDING),
        "deliver": Move(_S.SENDING, to=_S.SENT),
        "requeue": Move(_S.SENDING, _S.BOUNCED, to=_S.QUEUED),
        "bounce": Move(_S.SENDING, to=_S.BOUNCED),
    },
)


class EmailDelivery(Base):
    """One mail: ``subject_id`` and ``kind`` say what it is about (not its subject line)."""

    __tablename__ = "email_deliveries"
    __table_args__ = (UniqueConstraint("subject_id", "kind"),)

    id: Mapped[str] = prefixed_id("mail")
    subject_id: Mapped[str]
    kind: Mapped[str]
    status: Mapped[EmailStatus] = mapped_column(states(EmailStatus), default=EmailStatus.QUEUED)
    to_address: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    document_hash: Mapped[str | None]
    document_name: Mapped[str | None]
    message_id: Mapped[str] = mapped_column(unique=True)
    last_error: Mapped[str | None]
    created_at: Mapped[datetime] = created_at()
    sent_at: Mapped[datetime | None]
    version: Mapped[int] = version()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    def move(self, event: str) -> None:
        """Make one move of the table. Raises InvalidTransition."""
        self.status = MOVES.require(event, self.status)
