"""The janitor's job: make jobs from rows that are due, and drop answers past their time."""

from payments_app import clock
from payments_app.jobs import SweepPayments
from payments_app.services import idempotency, janitor, outbound
from payments_app.services.actor import act_as
from queue_core import Job, Ok, Outcome, Worker


class Sweeper(Worker[SweepPayments]):
    """Runs every minute; finding nothing to do is the normal case."""

    def perform(self, job: Job[SweepPayments]) -> Outcome:
        with job.transaction() as session:
            act_as(session, "worker:sweeper", job_id=job.id)
            now = clock.now(session)
            made = janitor.sweep(session, now=now)
            dropped = idempotency.prune(session, now)
            outbound.end_left_behind(session)
            told = outbound.dispatch(session, now=now)
        return Ok({"jobs_made": made, "answers_dropped": dropped, "endpoints_due": told})
