"""Naive refunds: a click is a job, and a job gives money back.

Nothing is reserved, so two people who look at the same moment both see that nothing has been given
back yet; and nothing names the refund at the gateway, so the second request is a second refund.
"""

from dataclasses import dataclass

from payments_app.domain.ledger import Account, PostingKind
from payments_app.lab.processors.one_step import Charged, OneStepGateway
from payments_app.services import ledger, payments
from payments_app.services.actor import act_as
from payments_app.services.ledger import Transfer
from queue_core import Error, Job, JobArgs, Ok, Outcome, Worker
from queue_core.checkpoints import reach

ACTOR = "worker:naive_refunder"


@dataclass(frozen=True)
class LabRefund(JobArgs, kind="lab_refund", queue="payments", max_attempts=3):
    """Give this much of a payment back."""

    payment_id: str
    amount_minor: int


class NaiveRefunder(Worker[LabRefund]):
    """Gives back whenever it runs."""

    def __init__(self, charges: OneStepGateway) -> None:
        self.charges = charges

    def perform(self, job: Job[LabRefund]) -> Outcome:
        with job.session() as session:
            payment = payments.get(session, job.args.payment_id)
            charge_id, amount_minor = payment.latest_charge or "", job.args.amount_minor
        reach("naive.refunding")
        answer = self.charges.refund(charge_id, amount_minor, job.args.payment_id)
        if not isinstance(answer, Charged):
            return Error(answer.message)
        with job.session() as session:
            act_as(session, ACTOR, job_id=job.id)
            ledger.post(
                session,
                source_type="refund",
                source_id=f"{job.args.payment_id}#{job.id}",
                kind=PostingKind.REFUND,
                currency="USD",
                transfers=(Transfer(Account.RECEIVABLE, Account.GATEWAY_CLEARING, amount_minor),),
            )
        return Ok(None)
