"""A business in the hands of chance: the real services, PostgreSQL and the simulator process.

Workers are played step by step: a question is committed (P), sent (N) and its answer recorded (R)
as separate events, so that any two may meet, be lost with a crash, or come in another order. Time
is the history's own, moved for us and for the gateway together.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.domain.errors import DomainError
from payments_app.domain.payment import Payment, PaymentStatus
from payments_app.domain.refund import Refund, RefundStatus
from payments_app.domain.refund_steps import Park, next_refund_step
from payments_app.domain.steps import EndLocally, Wait
from payments_app.gateway.port import Gateway, Instruction, Observation
from payments_app.services import (
    charging,
    locking,
    observations,
    payments,
    refunding,
    refunds,
)
from tests.support.business import a_payment
from tests.support.simulator import Simulator

REQUEST_LIFE_S = 12.0
# Longer than any request lives: whatever was under way has arrived or is lost.
A_LONG_TIME_S = 6 * 3600.0
CALM_TURNS_MAX = 200


@dataclass(frozen=True)
class Question:
    """What a worker has committed to ask, about a payment or about one of its refunds."""

    subject: str
    instruction: Instruction

    @property
    def is_refund(self) -> bool:
        return self.subject.startswith("rfd_")


@dataclass
class Business:
    """Payments, refunds, and what the workers hold in their hands."""

    sessions: sessionmaker[Session]
    gateway: Gateway
    simulator: Simulator
    now: datetime = field(init=False)
    payments: list[str] = field(default_factory=list)
    refunds: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)
    answers: list[tuple[Question, Observation]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.simulator.faults([])
        with self.sessions() as session:
            self.now = clock.now(session)

    def pay(self, card: str) -> str:
        with self.sessions.begin() as session:
            self.payments.append(a_payment(session, card=card, now=self.now).id)
        return self.payments[-1]

    def refund(self, payment_id: str, amount_minor: int) -> None:
        def ask(session: Session) -> None:
            made = refunds.request_refund(
                session, payment_id, amount_minor=amount_minor, reason="by chance", now=self.now
            )
            self.refunds.append(made.id)

        self._perhaps(ask)

    def cancel(self, payment_id: str) -> None:
        self._perhaps(lambda s: payments.request_cancel(s, payment_id, now=self.now))

    def change_card(self, payment_id: str, card: str) -> None:
        self._perhaps(lambda s: payments.use_card(s, payment_id, card, now=self.now))

    def look(self, payment_id: str) -> None:
        self._perhaps(lambda s: payments.check_now(s, payment_id, now=self.now))

    def decide(self, subject: str) -> Instruction | Wait | None:
        """P: commit the next question of a payment or refund, if there is one."""
        with self.sessions.begin() as session:
            decide = self._decide_refund if subject.startswith("rfd_") else self._decide_payment
            step = decide(session, subject)
        if isinstance(step, Instruction):
            self.questions.append(Question(subject, step))
        return step

    def send(self, question: Question) -> None:
        """N: whatever the gateway and the wire make of it."""
        self.questions.remove(question)
        self.answers.append((question, self.gateway.send(question.instruction)))

    def record(self, question: Question, observation: Observation, *, go_on: bool = False) -> None:
        """R: as its worker would, however late. ``go_on``: and the next P in the same commit, as a
        worker that still has its lease.
        """
        self.answers.remove((question, observation))
        request_id = question.instruction.request_id
        step: Instruction | Wait | None = None
        with self.sessions.begin() as session:
            if question.is_refund:
                refunding.apply_refund_observation(session, request_id, observation, now=self.now)
            else:
                asked = locking.lock_payment_asked_about(session, request_id)
                observations.apply_observation(session, asked, observation, now=self.now)
                session.flush()
                step = self._decide_payment(session, question.subject) if go_on else None
        if isinstance(step, Instruction):
            self.questions.append(Question(question.subject, step))

    def crash(self) -> None:
        """Every worker dies: what was committed stays, what they held is gone."""
        self.questions.clear()
        self.answers.clear()

    def advance(self, seconds: float) -> None:
        if seconds > A_LONG_TIME_S:
            self.simulator.control("release")
            self.questions.clear()
        self.now += timedelta(seconds=seconds)
        self.simulator.advance(seconds)

    def come_to_rest(self) -> None:
        """No more faults; what is under way arrives; workers run until nothing is open."""
        self.simulator.faults([])
        self.simulator.control("release")
        for subject in (*self.payments, *self.refunds):
            for _ in range(CALM_TURNS_MAX):
                if self._is_at_rest(subject):
                    break
                self._calm_turn(subject)
            else:
                raise AssertionError(f"{subject} is still open after {CALM_TURNS_MAX} calm turns")
        for question in tuple(self.questions):
            self.send(question)
        for question, observation in tuple(self.answers):
            self.record(question, observation)

    def payment(self, payment_id: str) -> Payment:
        with self.sessions() as session:
            return payments.get(session, payment_id)

    def refund_row(self, refund_id: str) -> Refund:
        with self.sessions() as session:
            return refunds.get(session, refund_id)

    def _is_at_rest(self, subject: str) -> bool:
        if not subject.startswith("rfd_"):
            return self.payment(subject).is_final
        row = self.refund_row(subject)
        return row.is_final or row.status is RefundStatus.NEEDS_REVIEW

    def _calm_turn(self, subject: str) -> None:
        in_review = not subject.startswith("rfd_") and (
            self.payment(subject).status is PaymentStatus.NEEDS_REVIEW
        )
        if in_review:
            self.cancel(subject)  # A person decides.
        step = self.decide(subject)
        if isinstance(step, Instruction):
            self.send(self.questions[-1])
            self.record(*self.answers[-1])
        elif isinstance(step, Wait):
            self.advance(step.seconds)

    def _decide_payment(self, session: Session, subject: str) -> Instruction | Wait | None:
        payment = locking.lock_payment(session, subject)
        if payment.is_final:
            return None
        step = charging.decide(session, payment, self.now)
        if isinstance(step, EndLocally):
            charging.end_locally(payment, self.now)
            return None
        if isinstance(step, Wait):
            return step
        return charging.begin(session, payment, step, self.now, job_id=1, lease=1)

    def _decide_refund(self, session: Session, subject: str) -> Instruction | Wait | None:
        payment, refund = locking.lock_refund(session, subject)
        if refund.is_final:
            return None
        step = next_refund_step(refund, self.now, request_life_s=REQUEST_LIFE_S)
        if isinstance(step, Park):
            refunding.park(refund, "key_expired", self.now)
            return None
        if isinstance(step, Wait):
            refunding.wait(refund, step.seconds, self.now)
            return step
        return refunding.begin(session, payment, refund, step, self.now, job_id=1, lease=1)

    def _perhaps(self, act) -> None:
        """What people ask for may be refused; then nothing has happened."""
        try:
            with self.sessions.begin() as session:
                act(session)
        except DomainError:
            pass
