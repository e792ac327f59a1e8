"""Tell one endpoint what is due for it, oldest first; what fails waits, and holds nothing up."""

from payments_app import clock, webhook_sender
from payments_app.jobs import DeliverWebhooks
from payments_app.services import outbound
from payments_app.services.actor import act_as
from queue_core import Job, Outcome, Snooze, Worker
from queue_core.checkpoints import reach, register

register("webhook_out.sending", "webhook_out.recorded")

# One run's share; an endpoint that wants more is served again in a second.
SENT_PER_RUN_MAX = 50


class WebhookDeliverer(Worker[DeliverWebhooks]):
    """At least once: a crash after sending sends again, under the same event id."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    def perform(self, job: Job[DeliverWebhooks]) -> Outcome:
        endpoint_id = job.args.endpoint_id
        for _ in range(SENT_PER_RUN_MAX):
            with job.session() as session:
                outgoing = outbound.next_due(session, endpoint_id, now=clock.now(session))
            if outgoing is None:
                break
            reach("webhook_out.sending")
            answer = webhook_sender.send(outgoing, allow_private=self._allow_private)
            with job.session() as session:
                act_as(session, "worker:webhook_deliverer", job_id=job.id)
                outbound.record(session, outgoing.delivery_id, answer, now=clock.now(session))
            reach("webhook_out.recorded")
        with job.session() as session:
            act_as(session, "worker:webhook_deliverer", job_id=job.id)
            outbound.end_left_behind(session)
            left_s = outbound.wait_s(session, endpoint_id, now=clock.now(session))
        return None if left_s is None else Snooze(max(left_s, 1.0))
