"""The janitor's job: re-create the jobs of open payments and refunds from their rows."""

from payments_app import clock
from payments_app.jobs import SweepPayments
from payments_app.services import janitor
from queue_core import Job, Ok, Outcome, Worker


class Sweeper(Worker[SweepPayments]):
    """Runs every minute; finding nothing to do is the normal case."""

    def perform(self, job: Job[SweepPayments]) -> Outcome:
        with job.transaction() as session:
            made = janitor.sweep(session, now=clock.now(session))
        return Ok({"jobs_made": made})
