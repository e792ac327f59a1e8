"""How customers ask: a click, the same click again, the same key with something else in it.

Ours answers each request as the API and the web form do: the key, the payment, its job and the
stored answer in one transaction. A shop without that does once more whatever it is asked.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

import queue_core
from payments_app.domain.errors import DomainError, IdempotencyKeyReused, RequestInProgress
from payments_app.lab.event import Lane
from payments_app.lab.processors.naive_refunds import LabRefund
from payments_app.lab.sentences import money
from payments_app.lab.shop import CARD, CUSTOMER, Shop
from payments_app.services import idempotency, payments, refunds

KEY = "order-1001-pay"
ACCEPTED, CONFLICT, UNPROCESSABLE = 202, 409, 422


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to pay, as a client sends it."""

    invoice_id: str
    amount_minor: int
    key: str = KEY


def send(shop: Shop, asked: Asked, *, who: str) -> str | None:
    """Send it to our application, and write down what it answers; the payment's id, if any."""
    path = f"/api/v1/invoices/{asked.invoice_id}/payments"
    body = {"payment_method": CARD, "amount_minor": asked.amount_minor}
    request = idempotency.request(asked.key, method="POST", path=path, body=body)
    words = f"{who}: POST …/payments of {money(asked.amount_minor)}, Idempotency-Key {asked.key}."
    shop.say("request", words, at_s=time.monotonic())

    def deed(session: Session, now: datetime) -> tuple[str, bool]:
        stored = idempotency.reserve(session, request, now)
        if stored is not None:
            return str(stored.body["id"]), True
        made = payments.request_payment(
            session,
            asked.invoice_id,
            payment_method=CARD,
            amount_minor=asked.amount_minor,
            now=now,
        )
        answer = idempotency.Answer(ACCEPTED, {"id": made.id, "status": "pending"})
        idempotency.finish(session, request, answer, now)
        return made.id, False

    try:
        payment_id, replayed = shop.do(deed)
    except RequestInProgress:
        shop.say("answer", "Our answer: 409, the first request with this key is still running.")
        return None
    except IdempotencyKeyReused:
        shop.say("answer", "Our answer: 422, this key belongs to a request that said another sum.")
        return None
    shop.purchases[payment_id] = 1
    how = "the first answer again, nothing was done" if replayed else "accepted, on its way"
    shop.say("answer", f"Our answer: {ACCEPTED}, {how}.", payment=payment_id)
    return payment_id


def send_both_at_once(shop: Shop, asked: Asked) -> None:
    """Two clicks 20 ms apart are one moment for a server with more than one thread."""
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda who: send(shop, asked, who=who), ("First click", "Second click")))


def refund_both_at_once(shop: Shop, payment_id: str, amount_minor: int, *, ours: bool) -> None:
    """Two people see the same complaint, and press Refund in the same moment."""
    shop.wanted_refunds.append(amount_minor)
    deed = _refund if ours else _enqueue_refund
    with ThreadPoolExecutor(2) as threads:
        people = ("Bea", "Carl")
        list(threads.map(lambda who: deed(shop, payment_id, amount_minor, who), people))


def _refund(shop: Shop, payment_id: str, amount_minor: int, who: str) -> None:
    shop.say("request", f"{who} refunds {money(amount_minor)}.", at_s=time.monotonic())

    def deed(session: Session, now: datetime) -> str:
        return refunds.request_refund(
            session,
            payment_id,
            amount_minor=amount_minor,
            reason="complaint",
            with_credit_note=False,
            now=now,
        ).id

    try:
        shop.do(deed)
    except DomainError as refused:
        shop.say("answer", f"{who} is told: {refused}")
    else:
        shop.say("answer", f"{who} is told: on its way; the sum is reserved.")


def _enqueue_refund(shop: Shop, payment_id: str, amount_minor: int, who: str) -> None:
    shop.say("request", f"{who} refunds {money(amount_minor)}.", at_s=time.monotonic())
    args = LabRefund(payment_id=payment_id, amount_minor=amount_minor)
    shop.do(lambda session, _now: queue_core.insert(session, args).id)
    shop.say("job", f"A job to give {money(amount_minor)} back is inserted.", lane=Lane.BOOKS)


def second_click(shop: Shop, payment_id: str) -> None:
    """What a click does in a shop that compares nothing: one more job that charges."""
    text = f"{CUSTOMER} clicks again. Nothing compares the clicks: one more job that charges."
    shop.enqueue_again(payment_id, text)
