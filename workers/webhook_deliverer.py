"""Tell one endpoint what is due for it, oldest first; what fails waits, and holds nothing up."""

import queue_core
from payments_app import clock, webhook_sender
from payments_app.jobs import DeliverWebhooks
from payments_app.services import outbound
from payments_app.services.actor import act_as
from payments_app.webhook_sender import Answer, Outgoing
from queue_core import Job, Ok, Outcome, Snooze, Worker
from queue_core.checkpoints import reach, register

register("webhook_out.sending", "webhook_out.recorded")

# One run's share; an endpoint that wants more is served again in a second.
SENT_PER_RUN_MAX = 50
PAUSE_S = 1.0
# After a request without an answer: others come first, and it may be back by the first retry.
SILENT_PAUSE_S = float(outbound.RETRY_DELAYS_S[0])


class WebhookDeliverer(Worker[DeliverWebhooks]):
    """At least once: a crash after sending sends again, under the same event id."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    def perform(self, job: Job[DeliverWebhooks]) -> Outcome:
        if job.queue != self.options.queue:
            return self._move(job)
        pause_s = self._tell(job)
        with job.session() as session:
            act_as(session, "worker:webhook_deliverer", job_id=job.id)
            outbound.end_left_behind(session)
            left_s = outbound.wait_s(session, job.args.endpoint_id, now=clock.now(session))
        return None if left_s is None else Snooze(max(left_s, pause_s))

    def _move(self, job: Job[DeliverWebhooks]) -> Outcome:
        # Stored when deliveries shared a queue with what comes in; there nothing may hang.
        with job.transaction() as session:
            queue_core.insert(session, job.args, wake=True)
        return Ok(None)

    def _tell(self, job: Job[DeliverWebhooks]) -> float:
        """Send until nothing is due, nobody answers or time is short; seconds to the next turn."""
        for _ in range(SENT_PER_RUN_MAX):
            job.check_cancelled()
            if job.remaining < webhook_sender.REQUEST_MAX_S:
                break
            with job.session() as session:
                outgoing = outbound.next_due(session, job.args.endpoint_id, now=clock.now(session))
            if outgoing is None:
                break
            answer = self._send(job, outgoing)
            if answer.status is None:
                return SILENT_PAUSE_S
        return PAUSE_S

    def _send(self, job: Job[DeliverWebhooks], outgoing: Outgoing) -> Answer:
        reach("webhook_out.sending")
        answer = webhook_sender.send(outgoing, allow_private=self._allow_private)
        with job.session() as session:
            act_as(session, "worker:webhook_deliverer", job_id=job.id)
            outbound.record(session, outgoing.delivery_id, answer, now=clock.now(session))
        reach("webhook_out.recorded")
        return answer
