"""A payment attempt: one question to the bank, one gateway key; it may span several job attempts.

``unknown`` is no failure: no answer came, and money may have moved. Whatever the state, an attempt
becomes ``succeeded`` when the gateway says so, because its word is the fact. An attempt begins as
``sent``: its row is committed before any byte leaves, and nobody could tell the two moments apart.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base, created_at, prefixed_id, states, version
from payments_app.domain.state_machine import Move, StateMachine


class AttemptStatus(StrEnum):
    SENT = "sent"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    UNKNOWN = "unknown"
    NOT_EXECUTED = "not_executed"


_S = AttemptStatus
MOVES = StateMachine(
    "payment_attempt",
    AttemptStatus,
    {
        # Sent again under the same key when the gateway has shown that nothing happened yet.
        "send": Move(_S.NOT_EXECUTED, to=_S.SENT),
        "lose_sight": Move(_S.SENT, to=_S.UNKNOWN),
        "find_unexecuted": Move(_S.SENT, _S.UNKNOWN, to=_S.NOT_EXECUTED),
        "decline": Move(_S.SENT, _S.UNKNOWN, _S.NOT_EXECUTED, to=_S.DECLINED),
        "succeed": Move(_S.SENT, _S.UNKNOWN, _S.NOT_EXECUTED, _S.DECLINED, to=_S.SUCCEEDED),
    },
)
UNANSWERED = frozenset({_S.SENT, _S.UNKNOWN})

# Declines that may pass by themselves; any other decline is final for the card. Stripe's list of
# decline codes marks these as "try again later" or "insufficient funds".
SOFT_DECLINES = frozenset(
    {
        "insufficient_funds",
        "try_again_later",
        "issuer_not_available",
        "processing_error",
        "reenter_transaction",
        "approve_with_id",
        "card_velocity_exceeded",
        "withdrawal_count_limit_exceeded",
    }
)


class PaymentAttempt(Base):
    """One confirm of the payment's intent, with the card it used.

    ``baseline_charge`` is the newest charge we knew of when the attempt was first sent: a decline
    belongs to this attempt only if the gateway shows a newer one.
    """

    __tablename__ = "payment_attempts"
    __table_args__ = (
        UniqueConstraint("payment_id", "n"),
        CheckConstraint("n > 0", name="n"),
    )

    id: Mapped[str] = prefixed_id("att")
    payment_id: Mapped[str] = mapped_column(ForeignKey("payments.id"))
    n: Mapped[int]
    status: Mapped[AttemptStatus] = mapped_column(states(AttemptStatus), default=AttemptStatus.SENT)
    payment_method: Mapped[str]
    baseline_charge: Mapped[str | None]
    charge_id: Mapped[str | None]
    decline_code: Mapped[str | None]
    decline_message: Mapped[str | None]
    # The gateway stored an error under this attempt's key: asking again would only replay it.
    key_spent: Mapped[bool] = mapped_column(default=False)
    sent_at: Mapped[datetime | None]
    resend_until: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = created_at()
    version: Mapped[int] = version()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def key(self) -> str:
        """The gateway key: the same question always carries the same one."""
        return f"att:{self.id}:confirm"

    @property
    def is_unanswered(self) -> bool:
        return self.status in UNANSWERED

    @property
    def is_declined(self) -> bool:
        return self.status is AttemptStatus.DECLINED

    @property
    def is_soft_decline(self) -> bool:
        return self.is_declined and self.decline_code in SOFT_DECLINES

    def move(self, event: str) -> None:
        """Make one move of the table. Raises InvalidTransition."""
        self.status = MOVES.require(event, self.status)
