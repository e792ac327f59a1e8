"""Refund once: the same three phases as a payment, with the gateway's list in place of a fence."""

from sqlalchemy.orm import Session

from payments_app import clock
from payments_app.domain.errors import NotFound
from payments_app.domain.refund_steps import Park, next_refund_step
from payments_app.domain.steps import REVIEW_POLL_S, Wait
from payments_app.gateway.port import Gateway, Instruction, Observation
from payments_app.jobs import ProcessRefund
from payments_app.services import locking, refunding
from payments_app.services.actor import acting
from payments_app.services.conflicts import again_on_conflict
from payments_app.services.schedule import retry_delay_s
from queue_core import Cancel, Job, Outcome, Snooze, Worker
from queue_core.checkpoints import reach, register

register(
    "refund.locked",
    "refund.decided",
    "refund.sending",
    "refund.answered",
    "refund.observed",
    "refund.recorded",
)

TURNS_MAX = 6
ACTOR = "worker:refund_processor"
CONNECT_TIMEOUT_S = 2.0


class RefundProcessor(Worker[ProcessRefund]):
    """Brings one refund to its end: sent once, found again after silence, never sent blindly."""

    def __init__(self, gateway: Gateway, *, gateway_timeout_s: float = 20.0) -> None:
        self.gateway = gateway
        self._request_life_s = CONNECT_TIMEOUT_S + gateway_timeout_s
        self._timeout_s = max(300.0, TURNS_MAX * (gateway_timeout_s + 5.0))

    def timeout(self, job: Job[ProcessRefund]) -> float:  # noqa: ARG002 - same for every refund
        return self._timeout_s

    def backoff(self, job: Job[ProcessRefund], error: BaseException | str) -> float:  # noqa: ARG002
        return retry_delay_s(job.attempt)

    def perform(self, job: Job[ProcessRefund]) -> Outcome:
        for _ in range(TURNS_MAX):
            try:
                with job.session(acting(ACTOR, job_id=job.id)) as session:
                    step = self._decide(session, job)
            except NotFound as error:
                return Cancel(str(error))  # Rows are never deleted: it will not appear later.
            if not isinstance(step, Instruction):
                return step
            reach("refund.sending")
            observation = self.gateway.send(step)
            reach("refund.answered")
            if again_on_conflict(lambda: self._record(job, step, observation)):  # noqa: B023 - runs at once
                return None
        return Snooze(1)

    def _decide(self, session: Session, job: Job[ProcessRefund]) -> Instruction | Outcome:
        payment, refund = locking.lock_refund(session, job.args.refund_id)
        reach("refund.locked")
        if refund.is_final:
            job.complete(session)
            return None
        now = clock.now(session)
        step = next_refund_step(refund, now, request_life_s=self._request_life_s)
        if isinstance(step, Park):
            refunding.park(refund, refunding.KEY_EXPIRED, now)
            step = Wait(REVIEW_POLL_S)
        if isinstance(step, Wait):
            refunding.wait(refund, step.seconds, now)
            return Snooze(step.seconds)
        job.require_lease(session)
        instruction = refunding.begin(
            session, payment, refund, step, now, job_id=job.id, lease=job.lease
        )
        reach("refund.decided")
        return instruction

    def _record(
        self, job: Job[ProcessRefund], instruction: Instruction, observation: Observation
    ) -> bool:
        with job.session(acting(ACTOR, job_id=job.id)) as session:
            refund = refunding.apply_refund_observation(
                session, instruction.request_id, observation, now=clock.now(session)
            )
            final = refund.is_final
            if final:
                job.complete(session)
            reach("refund.observed")
        reach("refund.recorded")
        return final
