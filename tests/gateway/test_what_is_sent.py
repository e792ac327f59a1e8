"""What the adapter puts on the wire, and how it reads lists that come in pages."""

from typing import Any

import pytest
import requests
import responses

from payments_app.gateway.port import (
    Instruction,
    IntentSeen,
    Observation,
    Op,
    RefundsListed,
    Unknown,
)
from payments_app.gateway.stripe_adapter import StripeGateway

URL = "http://127.0.0.1:9"
INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 1200,
    "currency": "eur",
    "status": "succeeded",
}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 300,
    "currency": "eur",
    "status": "succeeded",
}
LIST = Instruction("r", Op.LIST_REFUNDS, target="pi_1")
CONFIRM = Instruction(
    "r",
    Op.CONFIRM_INTENT,
    key="k:1",
    target="pi_1",
    params={"amount": 1200, "metadata": {"payment": "pay_1"}, "confirm": False},
)


def listed_from(page: dict[str, Any]) -> Observation:
    """What a list is to us when every page looks like this one."""
    with responses.RequestsMock() as wire:
        wire.get(f"{URL}/v1/refunds", json=page)
        return StripeGateway(URL, "sk_test_x").send(LIST)


class TestListsOfRefunds:
    def test_all_pages_are_read(self):
        pages = [
            {"object": "list", "data": [{**REFUND, "id": "re_2"}], "has_more": True},
            {"object": "list", "data": [REFUND], "has_more": False},
        ]
        with responses.RequestsMock() as wire:
            for page in pages:
                wire.get(f"{URL}/v1/refunds", json=page)
            listed = StripeGateway(URL, "sk_test_x").send(LIST)
            asked = [str(call.request.url) for call in wire.calls]

        assert isinstance(listed, RefundsListed)
        assert [refund.refund_id for refund in listed.refunds] == ["re_2", "re_1"]
        assert "payment_intent=pi_1" in asked[0]
        assert "starting_after=re_2" in asked[1]

    @pytest.mark.parametrize(
        "page",
        [
            {"object": "list", "data": [REFUND]},
            {"object": "list", "data": [], "has_more": True},
            {"object": "list", "data": [REFUND, {"object": "refund"}], "has_more": False},
            {"object": "list", "data": None, "has_more": False},
        ],
    )
    def test_half_a_list_is_no_answer(self, page):
        # A refund that is missing from the list would be sent again.
        assert isinstance(listed_from(page), Unknown)

    def test_a_list_without_end_is_given_up(self):
        endless = {"object": "list", "data": [REFUND], "has_more": True}

        assert isinstance(listed_from(endless), Unknown)


class TestWhatIsSent:
    def sent(self, asked: Instruction) -> requests.PreparedRequest:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
            wire.post(f"{URL}/v1/payment_intents/pi_1/confirm", json=INTENT)
            wire.get(f"{URL}/v1/payment_intents/pi_1", json=INTENT)
            StripeGateway(URL, "sk_test_x").send(asked)
            return wire.calls[0].request

    def test_the_stored_body_and_key_are_sent_unchanged(self):
        request = self.sent(CONFIRM)

        assert request.body == "amount=1200&metadata[payment]=pay_1&confirm=false"
        assert request.headers["Idempotency-Key"] == "k:1"
        assert request.headers["Authorization"] == "Bearer sk_test_x"

    def test_nothing_about_earlier_requests_is_told(self):
        gateway = StripeGateway(URL, "sk_test_x")
        with responses.RequestsMock() as wire:
            path = f"{URL}/v1/payment_intents/pi_1/confirm"
            wire.post(path, json=INTENT, headers={"Request-Id": "req_1"})
            gateway.send(CONFIRM)
            gateway.send(CONFIRM)

            assert "X-Stripe-Client-Telemetry" not in wire.calls[1].request.headers

    def test_a_look_at_an_intent_asks_for_its_charge(self):
        request = self.sent(Instruction("r", Op.GET_INTENT, target="pi_1"))

        assert request.url == f"{URL}/v1/payment_intents/pi_1?expand%5B0%5D=latest_charge"

    def test_a_strange_id_stays_one_part_of_the_path(self):
        with responses.RequestsMock() as wire:
            wire.get(f"{URL}/v1/payment_intents/..%2Frefunds%3Fx", json=INTENT)

            asked = Instruction("r", Op.GET_INTENT, target="../refunds?x")
            assert isinstance(StripeGateway(URL, "sk_test_x").send(asked), IntentSeen)
