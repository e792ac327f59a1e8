"""Classroom: look at the status first, mark it, charge, mark it again.

Taught everywhere, and right as long as nothing goes wrong between two lines:

- a crash after "mark processing" is found as ``processing`` by every later run, which waits for
  somebody who is dead: **stuck for ever**;
- a lost answer is "an error", so the payment is marked failed: **money taken, recorded failed**;
- two runs that look at the same moment both see ``pending``: **charged twice**;
- a retry after "mark failed" matches no branch.
"""

from payments_app import clock
from payments_app.domain.payment import PaymentStatus
from payments_app.jobs import ProcessPayment
from payments_app.lab.processors import books
from payments_app.lab.processors.one_step import Charged, ChargeRequest, OneStepGateway
from payments_app.services.actor import act_as
from queue_core import Error, Job, Ok, Outcome, Snooze, Worker
from queue_core.checkpoints import reach

ACTOR = "worker:classroom_processor"
SNOOZE_S = 5.0
RETRY_S = 1.0


class NoBranchMatches(Exception):
    """The status is none of those that the processor was written for."""


class ClassroomProcessor(Worker[ProcessPayment]):
    """Charges when the status, as read a moment ago, was ``pending``."""

    def __init__(self, charges: OneStepGateway) -> None:
        self.charges = charges

    def backoff(self, job: Job[ProcessPayment], error: BaseException | str) -> float:  # noqa: ARG002 - the same for all
        return RETRY_S

    def perform(self, job: Job[ProcessPayment]) -> Outcome:
        with job.session() as session:
            status, wanted = books.look(session, job.args.payment_id)
        reach("classroom.looked")
        match status:
            case PaymentStatus.COMPLETED:
                return Ok(None)
            case PaymentStatus.PROCESSING:
                return Snooze(SNOOZE_S)
            case PaymentStatus.PENDING:
                return self._charge(job, wanted)
            case _:
                raise NoBranchMatches(f"{job.args.payment_id} is {status}")

    def _charge(self, job: Job[ProcessPayment], wanted: ChargeRequest) -> Outcome:
        with job.session() as session:
            act_as(session, ACTOR, job_id=job.id)
            books.mark_processing(session, wanted.payment_id)
        reach("classroom.calling")
        answer = self.charges.charge(wanted)
        reach("classroom.charged")
        if not isinstance(answer, Charged) and answer.code == "already_charged":
            # "Then it must have been us": an assumption, not a fact.
            answer = Charged(f"assumed:{wanted.payment_id}", wanted.amount_minor)
        with job.session() as session:
            act_as(session, ACTOR, job_id=job.id)
            now = clock.now(session)
            if isinstance(answer, Charged):
                books.mark_completed(session, wanted.payment_id, answer, now)
            else:
                books.mark_failed(session, wanted.payment_id, answer, now)
            reach("classroom.written")
        reach("classroom.saved")
        return Ok(None) if isinstance(answer, Charged) else Error(answer.message)
