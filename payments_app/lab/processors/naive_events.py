"""Naive webhooks: an event is an order, and each delivery is obeyed.

Gateways deliver at least once and in no promised order. Whoever posts what each delivery says has
posted it as often as it was delivered.
"""

from dataclasses import dataclass

from payments_app.domain.ledger import Account, PostingKind
from payments_app.services import ledger
from payments_app.services.actor import act_as
from payments_app.services.ledger import Transfer
from queue_core import Job, JobArgs, Ok, Outcome, Worker

ACTOR = "worker:naive_believer"
CAPTURED = frozenset({"charge.succeeded", "payment_intent.succeeded"})


@dataclass(frozen=True)
class LabEvent(JobArgs, kind="lab_event", queue="webhooks", max_attempts=3):
    """One delivery, as it came in."""

    type: str
    payment_id: str
    amount_minor: int


class NaiveBeliever(Worker[LabEvent]):
    """Posts what it is told."""

    def perform(self, job: Job[LabEvent]) -> Outcome:
        if job.args.type not in CAPTURED:
            return Ok(None)
        with job.session() as session:
            act_as(session, ACTOR, job_id=job.id)
            ledger.post(
                session,
                source_type="webhook",
                source_id=f"{job.args.payment_id}#{job.id}",
                kind=PostingKind.CAPTURE,
                currency="USD",
                transfers=(
                    Transfer(
                        Account.GATEWAY_CLEARING, Account.CUSTOMER_CREDIT, job.args.amount_minor
                    ),
                ),
            )
        return Ok(None)
