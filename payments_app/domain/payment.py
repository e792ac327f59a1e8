"""A payment: one gateway intent for ever, however many attempts it takes.

``completed``, ``failed`` and ``cancelled`` absorb. A payment ends as failed or cancelled only
behind a fence: the gateway's word that the intent is cancelled, or the proof that no confirm could
ever have been sent (no intent id is stored). A contradiction found later (the gateway captured
what we hold as ended) may still move to ``completed``, with an alarm: money taken is a fact.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from payments_app.domain.attempt import PaymentAttempt
from payments_app.domain.base import Base, created_at, prefixed_id, states, version
from payments_app.domain.invoice import Invoice
from payments_app.domain.state_machine import Move, StateMachine


class PaymentStatus(StrEnum):
    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEEDS_REVIEW = "needs_review"


_S = PaymentStatus
_OPEN = (_S.PENDING, _S.PROCESSING, _S.NEEDS_REVIEW)
FINAL = frozenset({_S.COMPLETED, _S.FAILED, _S.CANCELLED})
LIVE = frozenset(_OPEN)

MOVES = StateMachine(
    "payment",
    PaymentStatus,
    {
        "begin": Move(_S.PENDING, to=_S.PROCESSING),
        "complete": Move(*_OPEN, to=_S.COMPLETED),
        "fail": Move(*_OPEN, to=_S.FAILED),  # only behind the fence
        "cancel": Move(*_OPEN, to=_S.CANCELLED),  # only behind the fence
        "park": Move(_S.PENDING, _S.PROCESSING, to=_S.NEEDS_REVIEW),
        "resume": Move(_S.NEEDS_REVIEW, to=_S.PROCESSING),  # a person decided, or a fact arrived
        "contradict": Move(_S.FAILED, _S.CANCELLED, to=_S.COMPLETED),  # with an alarm
    },
)


class StopReason(StrEnum):
    """Why a payment is on its way to the fence. The first reason stays."""

    CANCEL_REQUESTED = "cancel_requested"
    DEADLINE = "deadline_passed"
    HARD_DECLINE = "card_declined"
    ATTEMPTS_SPENT = "attempts_spent"
    AUTHENTICATION_REQUIRED = "authentication_required"
    INVALID_CARD = "invalid_payment_method"


class Payment(Base):
    """Money that should move once from a customer's card to us."""

    __tablename__ = "payments"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="amount"),
        # What the customer got back, or may still get, never exceeds what we took.
        CheckConstraint(
            "refunded_minor >= 0 AND refund_reserved_minor >= 0 AND credit_used_minor >= 0 "
            "AND refunded_minor + refund_reserved_minor + credit_used_minor <= captured_minor",
            name="refunds",
        ),
        CheckConstraint("(status = 'completed') = (captured_minor > 0)", name="captured"),
        CheckConstraint(
            "(status IN ('completed', 'failed', 'cancelled')) = (finished_at IS NOT NULL)",
            name="finished",
        ),
        CheckConstraint("status <> 'completed' OR gateway_intent_id IS NOT NULL", name="intent"),
        Index(
            "payments_one_live_per_invoice",
            "invoice_id",
            unique=True,
            postgresql_where=text("status IN ('pending', 'processing', 'needs_review')"),
        ),
        Index(
            "payments_open",
            "next_action_at",
            postgresql_where=text("status IN ('pending', 'processing', 'needs_review')"),
        ),
    )

    id: Mapped[str] = prefixed_id("pay")
    invoice_id: Mapped[str] = mapped_column(ForeignKey("invoices.id"), index=True)
    customer_id: Mapped[str] = mapped_column(ForeignKey("customers.id"), index=True)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    status: Mapped[PaymentStatus] = mapped_column(
        states(PaymentStatus), default=PaymentStatus.PENDING
    )
    payment_method: Mapped[str]
    # The payment_method to use next, when the customer has given another card since.
    card_changed_at: Mapped[datetime | None]

    gateway_intent_id: Mapped[str | None] = mapped_column(unique=True)
    intent_key_no: Mapped[int] = mapped_column(default=1)
    cancel_key_no: Mapped[int] = mapped_column(default=1)
    latest_charge: Mapped[str | None]
    must_look: Mapped[bool] = mapped_column(default=False)

    captured_minor: Mapped[int] = mapped_column(default=0)
    refunded_minor: Mapped[int] = mapped_column(default=0)
    refund_reserved_minor: Mapped[int] = mapped_column(default=0)
    # Paid beyond what was due, and used on other invoices since.
    credit_used_minor: Mapped[int] = mapped_column(default=0)

    next_action_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime]
    waits: Mapped[int] = mapped_column(default=0)
    stop_reason: Mapped[StopReason | None] = mapped_column(states(StopReason))
    # Asked for with a cancel: if the bank was faster, what it captured goes back by itself.
    refund_if_captured: Mapped[bool] = mapped_column(default=False)
    failure_code: Mapped[str | None]
    failure_message: Mapped[str | None]
    review_reason: Mapped[str | None]
    source: Mapped[str] = mapped_column(default="api")
    created_at: Mapped[datetime] = created_at()
    finished_at: Mapped[datetime | None]
    version: Mapped[int] = version()

    invoice: Mapped[Invoice] = relationship(lazy="raise_on_sql")
    attempts: Mapped[list[PaymentAttempt]] = relationship(
        order_by=PaymentAttempt.n, lazy="selectin"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012

    @property
    def is_final(self) -> bool:
        return self.status in FINAL

    @property
    def last_attempt(self) -> PaymentAttempt | None:
        return self.attempts[-1] if self.attempts else None

    @property
    def declines(self) -> int:
        return sum(1 for attempt in self.attempts if attempt.is_declined)

    @property
    def refundable_minor(self) -> int:
        given = self.refunded_minor + self.refund_reserved_minor
        return self.captured_minor - given - self.credit_used_minor

    def move(self, event: str) -> None:
        """Make one move of the table. Raises InvalidTransition."""
        self.status = MOVES.require(event, self.status)

    def stop(self, reason: StopReason, code: str | None = None, message: str | None = None) -> None:
        """Head for the Cancel fence. The first reason stays: it is what we tell the customer."""
        if self.stop_reason is None:
            self.stop_reason = reason
            self.failure_code = code or str(reason)
            self.failure_message = message
