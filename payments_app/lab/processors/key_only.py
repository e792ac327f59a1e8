"""Key only: a stable idempotency key, a guarded commit, and nothing else.

The best of the three, and what many guides recommend. It survives every crash for as long as the
gateway remembers the key. Gateways keep keys for a day, not for ever: a retry that comes later is
a new charge to them, and there is nothing that could be asked first: **charged twice**. And where
the gateway keeps an error under the key, every retry gets that error again: **stuck**.
"""

from payments_app import clock
from payments_app.domain.payment import FINAL
from payments_app.jobs import ProcessPayment
from payments_app.lab.processors import books
from payments_app.lab.processors.one_step import Charged, OneStepGateway
from payments_app.services.actor import act_as
from queue_core import Job, Outcome, Snooze, Worker
from queue_core.checkpoints import reach

ACTOR = "worker:key_only_processor"
RETRY_S = 1.0


class KeyOnlyProcessor(Worker[ProcessPayment]):
    """Charges under ``pay:{id}`` until it hears an answer."""

    def __init__(self, charges: OneStepGateway) -> None:
        self.charges = charges

    def backoff(self, job: Job[ProcessPayment], error: BaseException | str) -> float:  # noqa: ARG002 - the same for all
        return RETRY_S

    def perform(self, job: Job[ProcessPayment]) -> Outcome:
        payment_id = job.args.payment_id
        with job.session() as session:
            status, wanted = books.look(session, payment_id)
            if status in FINAL:
                job.complete(session)
                return None
            job.require_lease(session)
        reach("key_only.calling")
        answer = self.charges.charge(wanted, key=f"pay:{payment_id}")
        reach("key_only.charged")
        if not isinstance(answer, Charged) and not answer.declined:
            return Snooze(RETRY_S)
        with job.session() as session:
            act_as(session, ACTOR, job_id=job.id)
            now = clock.now(session)
            if isinstance(answer, Charged):
                books.mark_completed(session, payment_id, answer, now)
            else:
                books.mark_failed(session, payment_id, answer, now)
            job.complete(session)
            reach("key_only.written")
        reach("key_only.saved")
        return None
