"""Builds of ours with one bug each: the lab must see every one of them.

A worker process of the lab makes the processor that a run names, so a run that names one of these
is a build in which that one guard is missing. Nothing of it exists outside of that process.

Scenario 5 holds both workers before their first call. In our real build that call moves no money,
so a bug in what follows would need luck to show. The builds for it therefore create and confirm the
intent in one call: ``one_step`` does only that, and stays safe; the others remove one guard more.
"""

import secrets
import time

from payments_app.domain.ledger import Account, PostingKind
from payments_app.domain.payment import Payment, PaymentStatus
from payments_app.domain.steps import Cancel, EndLocally
from payments_app.gateway.port import Busy, Op
from payments_app.services import charging, intent_facts, ledger, observations
from payments_app.services.ledger import Transfer
from workers.payment_processor import PaymentProcessor


def one_step(gateway):
    """The control: nothing is missing, the intent is only confirmed in the call that makes it."""
    _confirm_at_once(lambda request: request.key)
    return PaymentProcessor(Persistent(gateway), gateway_timeout_s=1.0)


def random_intent_key(gateway):
    """The intent's key is drawn, and its id is not written once: the last writer wins."""
    _confirm_at_once(lambda request: f"pay:{secrets.token_hex(8)}")
    observations._keep_intent = _keep_the_last
    return PaymentProcessor(Persistent(gateway), gateway_timeout_s=1.0)


def unguarded_commit(gateway):
    """Whoever hears of the capture records it, also when it is recorded already."""
    _confirm_at_once(lambda request: request.key)
    succeeded = intent_facts._succeeded

    def record_again(session, payment, seen, attempt, now):
        if payment.status is PaymentStatus.COMPLETED:
            _post(session, payment)
        succeeded(session, payment, seen, attempt, now)

    intent_facts._succeeded = record_again
    return PaymentProcessor(Persistent(gateway), gateway_timeout_s=1.0)


def no_fence(gateway):
    """A hard decline ends the payment at once: the gateway is not asked to cancel the intent."""
    decide = charging.decide

    def decide_without_asking(session, payment, now):
        step = decide(session, payment, now)
        return EndLocally() if isinstance(step, Cancel) else step

    charging.decide = decide_without_asking
    charging.end_locally = charging.finish_unpaid
    return PaymentProcessor(gateway, gateway_timeout_s=1.0)


def _keep_the_last(session, payment, seen) -> bool:
    if not payment.is_final:
        payment.gateway_intent_id = seen.intent_id
        session.flush()
    return True


class Persistent:
    """Asks again while its twin is being executed: so that both workers hear the same answer."""

    def __init__(self, gateway) -> None:
        self._gateway = gateway

    def send(self, instruction):
        while isinstance(answer := self._gateway.send(instruction), Busy):
            time.sleep(0.05)
        return answer


def _confirm_at_once(key_of) -> None:
    send = charging.send

    def send_with_the_card(session, request, now, **known):
        if request.op == Op.CREATE_INTENT:
            payment = session.get(Payment, request.payment_id)
            card = {"payment_method": payment.payment_method, "confirm": True}
            request.params = {**request.params, **card}
            request.key = key_of(request)
        return send(session, request, now, **known)

    charging.send = send_with_the_card


def _post(session, payment) -> None:
    ledger.post(
        session,
        source_type="payment",
        source_id=f"{payment.id}#{secrets.token_hex(4)}",
        kind=PostingKind.CAPTURE,
        currency=payment.currency,
        transfers=(
            Transfer(Account.GATEWAY_CLEARING, Account.CUSTOMER_CREDIT, payment.captured_minor),
        ),
    )
