"""A webhook is a hint: find its payment, and let the payment's own job look at the gateway.

The two cases in which no job would look: we hold the payment as failed or cancelled, and the event
says that it succeeded; or the refund as completed, and the event says that it failed. Then the
object is read here, and what it shows is recorded with an alarm.
"""

from payments_app import clock
from payments_app.gateway.port import Gateway, Instruction, IntentSeen, Op, RefundSeen
from payments_app.jobs import HandleGatewayEvent
from payments_app.services import inbound, observations, payments, refunding, refunds
from payments_app.services.actor import act_as
from queue_core import Error, Job, Ok, Outcome, Worker
from queue_core.checkpoints import reach, register

register("webhook.handled", "webhook.looked", "webhook.recorded")


class EventHandler(Worker[HandleGatewayEvent]):
    """Handles one kept event, as often as it takes, with the same result."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def perform(self, job: Job[HandleGatewayEvent]) -> Outcome:
        with job.session() as session:
            act_as(session, "worker:event_handler", job_id=job.id)
            payment_id = inbound.contradicted_payment(session, job.args.event_id)
            refund_id = inbound.bounced_refund(session, job.args.event_id)
        back = self._look_at_refund(job, refund_id) if refund_id else None
        if refund_id and not isinstance(back, RefundSeen):
            return Error(f"no answer about {refund_id}")
        seen = self._look(job, payment_id) if payment_id else None
        if payment_id and not isinstance(seen, IntentSeen):
            return Error(f"no answer about the intent of {payment_id}")
        reach("webhook.looked")
        with job.transaction() as session:
            act_as(session, "worker:event_handler", job_id=job.id)
            now = clock.now(session)
            if payment_id and isinstance(seen, IntentSeen):
                observations.observe_intent(session, payment_id, seen, now=now)
            if refund_id and isinstance(back, RefundSeen):
                refunding.observe_refund(session, refund_id, back, now=now)
            inbound.handle(session, job.args.event_id, now=now)
            reach("webhook.handled")
        reach("webhook.recorded")
        return Ok(None)

    def _look_at_refund(self, job: Job[HandleGatewayEvent], refund_id: str) -> object:
        with job.session() as session:
            gateway_id = refunds.get(session, refund_id).gateway_refund_id
        return self.gateway.send(
            Instruction(request_id=f"job:{job.id}", op=Op.GET_REFUND, target=gateway_id)
        )

    def _look(self, job: Job[HandleGatewayEvent], payment_id: str) -> object:
        with job.session() as session:
            intent_id = payments.get(session, payment_id).gateway_intent_id
        return self.gateway.send(
            Instruction(request_id=f"job:{job.id}", op=Op.GET_INTENT, target=intent_id)
        )
