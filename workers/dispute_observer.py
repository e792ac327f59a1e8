"""Read the gateway's disputes of one payment, and record what they are: a webhook only hints."""

from payments_app import clock
from payments_app.domain.errors import NotFound
from payments_app.gateway.port import DisputesListed, Gateway, Instruction, Op
from payments_app.jobs import LookAtDisputes
from payments_app.services import disputes, payments
from payments_app.services.actor import act_as
from queue_core import Cancel, Error, Job, Ok, Outcome, Worker
from queue_core.checkpoints import reach, register

register("dispute.listed", "dispute.recorded")


class DisputeObserver(Worker[LookAtDisputes]):
    """Looks as often as it is asked to, with the same result."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def perform(self, job: Job[LookAtDisputes]) -> Outcome:
        payment_id = job.args.payment_id
        try:
            with job.session() as session:
                intent_id = payments.get(session, payment_id).gateway_intent_id
        except NotFound as error:
            return Cancel(str(error))
        if intent_id is None:
            return Cancel(f"{payment_id} has no intent: nothing of it can be disputed")
        seen = self.gateway.send(
            Instruction(request_id=f"job:{job.id}", op=Op.LIST_DISPUTES, target=intent_id)
        )
        reach("dispute.listed")
        if not isinstance(seen, DisputesListed):
            return Error(f"no answer about the disputes of {payment_id}")
        with job.transaction() as session:
            act_as(session, "worker:dispute_observer", job_id=job.id)
            found = disputes.observe(session, payment_id, seen, now=clock.now(session))
        reach("dispute.recorded")
        return Ok({"disputes": len(found)})
