"""Charge once: decide and write down (P), ask the gateway (N), record what it said (R).

Each turn makes one step durable, so a crash anywhere means "start again from the top": the rows
say what may have been sent, and whatever may have been sent is asked about before anything else.
P needs the lease, because it makes intentions; R does not, because it records facts.
"""

from sqlalchemy.orm import Session

from payments_app import clock
from payments_app.domain.errors import NotFound
from payments_app.domain.payment import Payment
from payments_app.domain.steps import EndLocally, Wait
from payments_app.gateway.port import Gateway, Instruction, Observation
from payments_app.jobs import ProcessPayment
from payments_app.services import charging, locking, observations
from payments_app.services.actor import acting
from payments_app.services.conflicts import again_on_conflict
from payments_app.services.schedule import retry_delay_s
from queue_core import Cancel, Job, Outcome, Snooze, Worker
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
        for _ in range(TURNS_MAX):
            try:
                with job.session(acting(ACTOR, job_id=job.id)) as session:
                    step = self._decide(session, job)
            except NotFound as error:
                return Cancel(str(error))  # Rows are never deleted: it will not appear later.
            if not isinstance(step, Instruction):
                return step
            reach("payment.sending")
            observation = self.gateway.send(step)
            reach("payment.answered")
            if again_on_conflict(lambda: self._record(job, step, observation)):  # noqa: B023 - runs at once
                return None
        return Snooze(1)

    def _decide(self, session: Session, job: Job[ProcessPayment]) -> Instruction | Outcome:
        payment = locking.lock_payment(session, job.args.payment_id)
        reach("payment.locked")
        if payment.is_final:
            job.complete(session)
            return None
        now = clock.now(session)
        step = charging.decide(session, payment, now)
        if isinstance(step, Wait):
            return Snooze(step.seconds)
        job.require_lease(session)
        if isinstance(step, EndLocally):
            charging.end_locally(payment, now)
            session.flush()
            job.complete(session)
            return None
        instruction = charging.begin(session, payment, step, now, job_id=job.id, lease=job.lease)
        reach("payment.decided")
        return instruction

    def _record(
        self, job: Job[ProcessPayment], instruction: Instruction, observation: Observation
    ) -> bool:
        """The fact and, if it ends the payment, the job's end in one commit. True when final."""
        with job.session(acting(ACTOR, job_id=job.id)) as session:
            payment: Payment = observations.apply_observation(
                session, instruction.request_id, observation, now=clock.now(session)
            )
            final = payment.is_final
            if final:
                # A lost lease does not undo the fact: whoever has the job now finds it done.
                job.complete(session)
            reach("payment.observed")
        reach("payment.recorded")
        return final
