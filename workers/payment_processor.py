"""Charge once: decide and write down (P), ask the gateway (N), record what it said (R).

Each turn makes one step durable, so a crash anywhere means "start again from the top": the rows
say what may have been sent, and whatever may have been sent is asked about before anything else.
P needs the lease, because it makes intentions; R does not, because it records facts. What follows
from a fact is decided in the transaction that records it: R and the next P are one commit, of
which a lost lease takes the P alone.
"""

from typing import TypeAlias

from sqlalchemy.orm import Session

from payments_app import clock
from payments_app.domain.errors import NotFound
from payments_app.domain.payment import Payment
from payments_app.domain.steps import EndLocally, Wait
from payments_app.gateway.port import Gateway, Instruction, Observation
from payments_app.jobs import ProcessPayment
from payments_app.services import charging, locking, observations, writing
from payments_app.services.actor import acting
from payments_app.services.conflicts import again_on_conflict
from payments_app.services.schedule import retry_delay_s
from queue_core import Cancel, Job, LeaseLost, Outcome, Snooze, Worker
from queue_core.checkpoints import reach, register

register(
    "payment.locked",
    "payment.decided",
    "payment.sending",
    "payment.answered",
    "payment.observed",
    "payment.recorded",
)

# Create, confirm, look, confirm again, cancel: a payment ends within five; ten is a bound, and the
# rest of the work goes on in a second.
TURNS_MAX = 10
ACTOR = "worker:payment_processor"
# What comes next: a question to the gateway, the job's end or wait; or that the job is another's.
Step: TypeAlias = Instruction | LeaseLost | Outcome


class PaymentProcessor(Worker[ProcessPayment]):
    """Brings one payment to its end through the gateway, whatever fails on the way."""

    def __init__(self, gateway: Gateway, *, gateway_timeout_s: float = 20.0) -> None:
        self.gateway = gateway
        # Longer than all turns of one run together: a job is never stopped while a bank thinks.
        self._timeout_s = max(300.0, TURNS_MAX * (gateway_timeout_s + 5.0))

    def timeout(self, job: Job[ProcessPayment]) -> float:  # noqa: ARG002 - same for every payment
        return self._timeout_s

    def backoff(self, job: Job[ProcessPayment], error: BaseException | str) -> float:  # noqa: ARG002
        return retry_delay_s(job.attempt)

    def perform(self, job: Job[ProcessPayment]) -> Outcome:
        try:
            with job.session(acting(ACTOR, job_id=job.id)) as session:
                payment = locking.lock_payment(session, job.args.payment_id)
                step = self._decide(session, job, payment)
        except NotFound as error:
            return Cancel(str(error))  # Rows are never deleted: it will not appear later.
        for turns_left in reversed(range(TURNS_MAX)):
            if not isinstance(step, Instruction):
                break
            step = self._ask(job, step, is_last=turns_left == 0)
        if isinstance(step, LeaseLost):
            raise step
        return step

    def _ask(self, job: Job[ProcessPayment], instruction: Instruction, *, is_last: bool) -> Step:
        reach("payment.sending")
        observation = self.gateway.send(instruction)
        reach("payment.answered")
        return again_on_conflict(
            lambda: self._record(job, instruction, observation, is_last=is_last)
        )

    def _record(
        self,
        job: Job[ProcessPayment],
        instruction: Instruction,
        observation: Observation,
        *,
        is_last: bool,
    ) -> Step:
        """The fact, and in the same commit what follows from it: the job's end or the next step."""
        with job.session(acting(ACTOR, job_id=job.id)) as session:
            asked = locking.lock_payment_asked_about(session, instruction.request_id)
            payment = observations.apply_observation(
                session, asked, observation, now=clock.now(session)
            )
            reach("payment.observed")
            if is_last and not payment.is_final:
                return Snooze(1)
            if payment.attempts and not payment.is_final:
                session.flush()  # An attempt may move again at once, and each move is logged.
            step = self._decide(session, job, payment)
        reach("payment.recorded")
        return step

    def _decide(self, session: Session, job: Job[ProcessPayment], payment: Payment) -> Step:
        """What to ask next, written down as asked; or the job's end, or a wait."""
        if payment.is_final:
            writing.write(session)
            # A lost lease does not undo the fact: whoever has the job now finds it done.
            job.complete(session)
            return None
        reach("payment.locked")
        now = clock.now(session)
        step = charging.decide(session, payment, now)
        if isinstance(step, Wait):
            return Snooze(step.seconds)
        if not job.holds_lease(session):
            # Whoever has the job now decides. What was recorded here is a fact, and stays.
            return LeaseLost(f"job {job.id}: lease {job.lease} is no longer ours")
        if isinstance(step, EndLocally):
            charging.end_locally(payment, now)
            writing.write(session)
            job.complete(session)
            return None
        instruction = charging.begin(session, payment, step, now, job_id=job.id, lease=job.lease)
        reach("payment.decided")
        return instruction
