"""Webhooks: signed so that Stripe's own library accepts them, and misbehaving on demand."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import stripe

from tests.gateway.conftest import raw_intent
from tests.support.simulator import Simulator
from tests.support.waiting import wait_until

SECRET = "whsec_of_the_tests"
VISA = {"payment_method": "pm_card_visa"}


class Receiver:
    """An endpoint that keeps what it gets; ``status`` is its answer to everything."""

    def __init__(self) -> None:
        self.status = 200
        self.got: list[tuple[bytes, str]] = []
        receiver = self

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((body, self.headers["Stripe-Signature"]))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks"

    def types(self) -> list[str]:
        return [json.loads(body)["type"] for body, _ in self.got]

    def wait_for(self, count: int) -> list[str]:
        wait_until(lambda: len(self.got) >= count, what=f"{count} webhooks arrive")
        return self.types()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
    thread.join()


@pytest.fixture
def hooked(simulator: Simulator, receiver: Receiver) -> Simulator:
    simulator.webhooks(url=receiver.url, secret=SECRET)
    return simulator


def pay(simulator: Simulator, card: str = "pm_card_visa", payment: str = "pay_1") -> str:
    intent = raw_intent(simulator, payment)
    simulator.post(f"/v1/payment_intents/{intent}/confirm", {"payment_method": card})
    return intent


def test_stripes_library_accepts_the_signature(hooked, receiver):
    intent = pay(hooked)
    receiver.wait_for(2)

    body, signature = receiver.got[1]
    event = stripe.Webhook.construct_event(body, signature, SECRET)

    assert event.type == "payment_intent.succeeded"
    assert event.data.object["id"] == intent
    assert event.data.object["metadata"]["payment"] == "pay_1"


def test_a_bad_signature_is_refused_by_stripes_library(hooked, receiver):
    hooked.webhooks(bad_signature=True)
    pay(hooked)
    receiver.wait_for(1)

    body, signature = receiver.got[0]
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(body, signature, SECRET)


def test_each_fate_of_a_payment_is_told(hooked, receiver):
    intent = pay(hooked, "pm_card_visa_chargeDeclined")
    hooked.post(f"/v1/payment_intents/{intent}/cancel")
    paid = pay(hooked)
    hooked.post("/v1/refunds", {"payment_intent": paid})

    assert sorted(receiver.wait_for(7)) == [
        "charge.refunded",
        "payment_intent.canceled",
        "payment_intent.created",
        "payment_intent.created",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
        "refund.created",
    ]


def test_the_duplicating_card_is_told_twice_with_one_event_id(hooked, receiver):
    pay(hooked, "pm_card_duplicateWebhook")
    receiver.wait_for(3)

    twice = [json.loads(body) for body, _ in receiver.got][1:]
    assert [event["type"] for event in twice] == ["payment_intent.succeeded"] * 2
    assert twice[0]["id"] == twice[1]["id"]


def test_copies_are_sent_of_everything(hooked, receiver):
    hooked.webhooks(copies=3)
    raw_intent(hooked)

    assert receiver.wait_for(3) == ["payment_intent.created"] * 3


def test_reordered_events_arrive_backwards(hooked, receiver):
    hooked.webhooks(reorder=2)
    pay(hooked)

    assert receiver.wait_for(2) == ["payment_intent.succeeded", "payment_intent.created"]


def test_an_early_webhook_arrives_before_the_response(hooked, receiver):
    hooked.webhooks(early=True)

    raw_intent(hooked)

    assert receiver.types() == ["payment_intent.created"]


def test_a_dropped_webhook_never_arrives(hooked, receiver):
    hooked.webhooks(drop=1)
    raw_intent(hooked, "pay_1")
    wait_until(lambda: hooked.get("/_sim/webhooks")["events"] == {"dropped": 1})

    hooked.webhooks(drop=0, early=True)
    raw_intent(hooked, "pay_2")

    assert len(receiver.got) == 1


def test_a_delayed_webhook_waits_by_the_gateways_clock(hooked, receiver):
    hooked.webhooks(delay_s=3600, early=True)
    raw_intent(hooked)

    assert hooked.get("/_sim/webhooks")["events"] == {"pending": 1}
    assert receiver.got == []

    hooked.advance(3601)
    assert receiver.wait_for(1) == ["payment_intent.created"]


def test_a_refused_webhook_is_sent_again(hooked, receiver):
    receiver.status = 500
    raw_intent(hooked)
    receiver.wait_for(1)
    receiver.status = 200

    assert receiver.wait_for(2) == ["payment_intent.created"] * 2
    wait_until(lambda: hooked.get("/_sim/webhooks")["events"] == {"delivered": 1})


def test_a_new_endpoint_does_not_hear_of_the_past(simulator, receiver):
    raw_intent(simulator, "pay_1")
    simulator.webhooks(url=receiver.url, early=True)

    raw_intent(simulator, "pay_2")

    assert len(receiver.got) == 1


def test_an_undelivered_webhook_survives_sigkill(tmp_path, receiver):
    receiver.status = 500
    with Simulator(tmp_path, webhook_url=receiver.url) as simulator:
        raw_intent(simulator)
        receiver.wait_for(1)
        simulator.kill()
        receiver.status = 200

        simulator.start()

        wait_until(lambda: simulator.get("/_sim/webhooks")["events"] == {"delivered": 1})
