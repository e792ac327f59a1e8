"""Naive: call, then save.

It trusts that whatever it called, it will also save. A crash between the two, or an answer that is
lost, makes the queue run it again, and it calls again: **charged twice**.
"""

from payments_app import clock
from payments_app.jobs import ProcessPayment
from payments_app.lab.processors import books
from payments_app.lab.processors.one_step import Charged, OneStepGateway
from payments_app.services.actor import act_as
from queue_core import Error, Job, Ok, Outcome, Worker
from queue_core.checkpoints import reach

ACTOR = "worker:naive_processor"
RETRY_S = 1.0


class NaiveProcessor(Worker[ProcessPayment]):
    """Charges whenever it runs."""

    def __init__(self, charges: OneStepGateway) -> None:
        self.charges = charges

    def backoff(self, job: Job[ProcessPayment], error: BaseException | str) -> float:  # noqa: ARG002 - the same for all
        return RETRY_S

    def perform(self, job: Job[ProcessPayment]) -> Outcome:
        payment_id = job.args.payment_id
        with job.session() as session:
            _, wanted = books.look(session, payment_id)
        reach("naive.calling")
        answer = self.charges.charge(wanted)
        reach("naive.charged")
        if not isinstance(answer, Charged) and not answer.declined:
            return Error(answer.message)
        with job.session() as session:
            act_as(session, ACTOR, job_id=job.id)
            now = clock.now(session)
            if isinstance(answer, Charged):
                books.mark_completed(session, payment_id, answer, now)
            else:
                books.mark_failed(session, payment_id, answer, now)
            reach("naive.written")
        reach("naive.saved")
        return Ok(None)
