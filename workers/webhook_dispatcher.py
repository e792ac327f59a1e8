"""Make the jobs of the endpoints that something is due for: what an event's commit has asked for.

A job of its own, so that no business transaction touches the one job of an endpoint: there all of
them would meet.
"""

from payments_app import clock
from payments_app.jobs import DispatchWebhooks
from payments_app.services import outbound
from queue_core import Job, Ok, Outcome, Worker


class WebhookDispatcher(Worker[DispatchWebhooks]):
    """As often as it is asked, with the same result: an endpoint has one job, and that is woken."""

    def perform(self, job: Job[DispatchWebhooks]) -> Outcome:
        with job.transaction() as session:
            outbound.dispatch(session, now=clock.now(session))
        return Ok(None)
