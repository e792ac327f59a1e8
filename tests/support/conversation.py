"""A payment and a gateway whose every answer the test chooses: the protocol without a network.

P and R are the real services on real PostgreSQL; only what the gateway says is given as a value,
so that each row of the case table can be said in three lines.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from payments_app.domain.payment import Payment
from payments_app.domain.steps import EndLocally, Wait
from payments_app.gateway.port import (
    Decline,
    Instruction,
    IntentSeen,
    IntentStatus,
    Observation,
    Op,
)
from payments_app.services import charging, locking, observations, payments
from tests.support.business import NOW, a_payment

INTENT = "pi_1"


@dataclass
class Conversation:
    """``ask`` is P, ``hear`` is R; ``now`` moves only when the test says so."""

    sessions: sessionmaker[Session]
    payment_id: str
    now: datetime = NOW
    asked: list[Instruction] = field(default_factory=list)

    @classmethod
    def about_a_new_payment(cls, sessions: sessionmaker[Session], **options) -> "Conversation":
        with sessions.begin() as session:
            return cls(sessions, a_payment(session, **options).id)

    @property
    def payment(self) -> Payment:
        with self.sessions() as session:
            found = payments.get(session, self.payment_id)
            found.attempts  # noqa: B018 - loaded before the session ends
            return found

    def ask(self) -> Instruction | Wait | EndLocally | None:
        """P: the next question to the gateway, as a worker would commit it."""
        with self.sessions.begin() as session:
            payment = locking.lock_payment(session, self.payment_id)
            if payment.is_final:
                return None
            step = charging.decide(session, payment, self.now)
            if isinstance(step, EndLocally):
                charging.end_locally(payment, self.now)
                return step
            if isinstance(step, Wait):
                return step
            instruction = charging.begin(
                session, payment, step, self.now, job_id=1, lease=len(self.asked) + 1
            )
        self.asked.append(instruction)
        return instruction

    def hear(self, observation: Observation, *, about: Instruction | None = None) -> Payment:
        """R: record what the gateway said about the last question, or an earlier one."""
        instruction = about or self.asked[-1]
        with self.sessions.begin() as session:
            asked = locking.lock_payment_asked_about(session, instruction.request_id)
            observations.apply_observation(session, asked, observation, now=self.now)
        return self.payment

    def turn(self, observation: Observation) -> Instruction:
        instruction = self.ask()
        assert isinstance(instruction, Instruction), f"nothing is asked: {instruction}"
        self.hear(observation)
        return instruction

    def created(self) -> "Conversation":
        """The intent exists; the next question is the charge."""
        assert self.turn(self.intent(IntentStatus.REQUIRES_CONFIRMATION)).op is Op.CREATE_INTENT
        return self

    def confirm_sent(self) -> Instruction:
        """The charge is under way: committed as sent, not answered."""
        instruction = self.created().ask()
        assert isinstance(instruction, Instruction)
        assert instruction.op is Op.CONFIRM_INTENT
        return instruction

    def advance(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    def intent(
        self,
        status: IntentStatus,
        *,
        charge: str | None = None,
        decline: str | None = None,
        **changed,
    ) -> IntentSeen:
        payment = self.payment
        captured = payment.amount_minor if status is IntentStatus.SUCCEEDED else 0
        shown: dict[str, Any] = {
            "intent_id": payment.gateway_intent_id or INTENT + payment.id,
            "status": status,
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
            "payment": payment.id,
            "latest_charge": charge,
            "captured_minor": captured,
            "decline": Decline(decline, f"The bank said {decline}.", charge) if decline else None,
        }
        return IntentSeen(**(shown | changed))

    def succeeded(self, charge: str = "ch_1") -> IntentSeen:
        return self.intent(IntentStatus.SUCCEEDED, charge=charge)

    def still_open(self) -> IntentSeen:
        return self.intent(IntentStatus.REQUIRES_CONFIRMATION)

    def declined(self, code: str = "generic_decline", charge: str = "ch_1") -> IntentSeen:
        return self.intent(IntentStatus.REQUIRES_PAYMENT_METHOD, charge=charge, decline=code)

    def canceled(self) -> IntentSeen:
        return self.intent(IntentStatus.CANCELED)
