"""Cancel an intent that lost the race to become its payment's one intent.

It was never confirmed, so it holds no money; leaving it open would only confuse whoever reads the
gateway's dashboard. An intent that is a payment's own is never touched here.
"""

from payments_app.gateway.port import (
    Busy,
    Gateway,
    Instruction,
    IntentSeen,
    Op,
    Rejected,
    WrongState,
)
from payments_app.jobs import CancelOrphanIntent
from payments_app.services import payments
from queue_core import Cancel, Error, Job, Ok, Outcome, RetryAfter, Worker


class OrphanCanceller(Worker[CancelOrphanIntent]):
    """Sends one cancel, under a key derived from the orphan's id."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def perform(self, job: Job[CancelOrphanIntent]) -> Outcome:
        intent_id = job.args.intent_id
        with job.session() as session:
            owner = payments.owner_of_intent(session, intent_id)
        if owner is not None:
            return Cancel(f"{intent_id} belongs to {owner}: only its payment may cancel it")
        answer = self.gateway.send(
            Instruction(
                request_id=f"job:{job.id}",
                op=Op.CANCEL_INTENT,
                key=f"orphan:{intent_id}:cancel",
                target=intent_id,
                params={"cancellation_reason": "duplicate"},
            )
        )
        match answer:
            case IntentSeen(status=status):
                return Ok(str(status))
            case WrongState() | Rejected():
                return Cancel(f"{intent_id} cannot be cancelled: {answer.message}")
            case Busy(retry_after_s=seconds):
                return RetryAfter(seconds, "gateway busy")
            case _:
                return Error(f"no answer about {intent_id}")
