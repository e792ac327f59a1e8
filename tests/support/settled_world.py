"""A small business whose books and gateway agree: paid, refunded, declined and waiting payments.

Everything went through the real services and a real simulator process, so that an audit finds
nothing wrong until a test plants something.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.domain.refund_steps import CreateRefund, next_refund_step
from payments_app.gateway.port import Gateway, Instruction
from payments_app.services import locking, refunding, refunds
from tests.support.conversation import Conversation


@dataclass(frozen=True)
class SettledWorld:
    """Ids of payments by what became of them, and of the one refund (of ``refunded``)."""

    paid: str
    refunded: str
    failed: str
    waiting: str
    refund: str


def settle(sessions: sessionmaker[Session], gateway: Gateway) -> SettledWorld:
    with sessions.begin() as session:
        now = clock.now(session)
    refunded = _played(sessions, gateway, now, "pm_card_visa")
    return SettledWorld(
        paid=_played(sessions, gateway, now, "pm_card_visa"),
        refunded=refunded,
        failed=_played(sessions, gateway, now, "pm_card_visa_chargeDeclined"),
        waiting=_played(sessions, gateway, now, "pm_card_insufficientFunds"),
        refund=_refunded(sessions, gateway, now, refunded),
    )


def _played(sessions: sessionmaker[Session], gateway: Gateway, now: datetime, card: str) -> str:
    talk = Conversation.about_a_new_payment(sessions, card=card, now=now)
    talk.now = now
    while isinstance(instruction := talk.ask(), Instruction):
        talk.hear(gateway.send(instruction))
    return talk.payment_id


def _refunded(
    sessions: sessionmaker[Session], gateway: Gateway, now: datetime, payment_id: str
) -> str:
    with sessions.begin() as session:
        asked = refunds.request_refund(
            session, payment_id, amount_minor=2_000, reason="one hour too many", now=now
        )
    with sessions.begin() as session:
        payment, refund = locking.lock_refund(session, asked.id)
        step = next_refund_step(refund, now, request_life_s=1.0)
        assert isinstance(step, CreateRefund)
        instruction = refunding.begin(session, payment, refund, step, now, job_id=1, lease=1)
    observation = gateway.send(instruction)
    with sessions.begin() as session:
        refunding.apply_refund_observation(session, instruction.request_id, observation, now=now)
    return asked.id
