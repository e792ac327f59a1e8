"""Each test card does what its name says, and the journal agrees."""

import time

import pytest
import requests

from payments_app.gateway.port import IntentSeen, IntentStatus, Op, Unknown
from payments_app.gateway.simulator.cards import SLOW_S
from payments_app.gateway.stripe_adapter import StripeGateway
from tests.gateway.conftest import an_intent, confirm, instruction, raw_intent


def test_visa_succeeds(gateway, simulator):
    seen = gateway.send(confirm(an_intent(gateway)))

    assert isinstance(seen, IntentSeen)
    assert seen.status is IntentStatus.SUCCEEDED
    assert len(simulator.captures("pay_1")) == 1


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("pm_card_visa_chargeDeclined", "generic_decline"),
        ("pm_card_insufficientFunds", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
def test_a_declining_card_says_why_and_takes_nothing(gateway, simulator, card, code):
    seen = gateway.send(confirm(an_intent(gateway), card=card))

    assert isinstance(seen, IntentSeen)
    assert seen.status is IntentStatus.REQUIRES_PAYMENT_METHOD
    assert seen.decline is not None
    assert seen.decline.code == code
    assert simulator.captures() == []


def test_another_card_succeeds_on_the_same_intent_after_a_decline(gateway, simulator):
    intent = an_intent(gateway)
    declined = gateway.send(confirm(intent, card="pm_card_insufficientFunds"))

    seen = gateway.send(confirm(intent, key="att:2:confirm"))

    assert isinstance(seen, IntentSeen)
    assert isinstance(declined, IntentSeen)
    assert (seen.status, seen.decline) == (IntentStatus.SUCCEEDED, None)
    assert seen.latest_charge != declined.latest_charge
    assert len(simulator.captures("pay_1")) == 1


def test_the_slow_card_answers_after_three_seconds(simulator):
    path = f"/v1/payment_intents/{raw_intent(simulator)}/confirm"
    began_s = time.monotonic()

    answer = simulator.post(path, {"payment_method": "pm_card_slow"}, key="k1")

    assert time.monotonic() - began_s >= SLOW_S
    assert answer.json()["status"] == "succeeded"


def test_a_slow_answer_is_replayed_at_once(simulator):
    form = {"amount": 5, "currency": "eur", "payment_method": "pm_card_slow"}
    simulator.post("/v1/charges", form, key="k1")
    began_s = time.monotonic()

    simulator.post("/v1/charges", form, key="k1")

    assert time.monotonic() - began_s < SLOW_S


def test_making_an_intent_for_the_slow_card_is_not_slow(simulator):
    form = {"amount": 5, "currency": "eur", "payment_method": "pm_card_slow"}
    began_s = time.monotonic()

    simulator.post("/v1/payment_intents", form, key="k1")

    assert time.monotonic() - began_s < SLOW_S


def test_timeout_then_captured_takes_the_money_and_never_answers(gateway, simulator):
    intent = an_intent(gateway)

    seen = gateway.send(confirm(intent, card="pm_card_timeoutThenCaptured"))
    looked = gateway.send(instruction(Op.GET_INTENT, target=intent))

    assert isinstance(seen, Unknown)
    assert isinstance(looked, IntentSeen)
    assert looked.status is IntentStatus.SUCCEEDED
    assert len(simulator.captures("pay_1")) == 1


def test_asking_again_after_timeout_then_captured_gets_the_stored_answer(gateway, simulator):
    again = confirm(an_intent(gateway), card="pm_card_timeoutThenCaptured")
    gateway.send(again)

    seen = gateway.send(again)

    assert isinstance(seen, IntentSeen)
    assert seen.replayed
    assert len(simulator.captures("pay_1")) == 1


def test_authentication_required_waits_for_the_customer_and_can_be_cancelled(gateway, simulator):
    intent = an_intent(gateway)

    seen = gateway.send(confirm(intent, card="pm_card_authenticationRequired"))
    fenced = gateway.send(instruction(Op.CANCEL_INTENT, key="c:1", target=intent))

    assert isinstance(seen, IntentSeen)
    assert isinstance(fenced, IntentSeen)
    assert seen.status is IntentStatus.REQUIRES_ACTION
    assert fenced.status is IntentStatus.CANCELED
    assert simulator.captures() == []


def test_a_processing_payment_settles_by_the_gateways_clock(gateway, simulator):
    intent = an_intent(gateway)
    look = instruction(Op.GET_INTENT, target=intent)

    seen = gateway.send(confirm(intent, card="pm_card_processing"))
    before = simulator.captures()
    simulator.advance(11)
    looked = gateway.send(look)

    assert isinstance(seen, IntentSeen)
    assert isinstance(looked, IntentSeen)
    assert (seen.status, before) == (IntentStatus.PROCESSING, [])
    assert looked.status is IntentStatus.SUCCEEDED
    assert len(simulator.captures("pay_1")) == 1


def test_an_unknown_card_is_an_error_that_names_it(simulator):
    path = f"/v1/payment_intents/{raw_intent(simulator)}/confirm"

    answer = simulator.post(path, {"payment_method": "pm_card_of_nobody"})

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "resource_missing"
    assert "pm_card_of_nobody" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("changed", "param"),
    [
        ({"amount": ""}, "amount"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "12.5"}, "amount"),
        ({"amount": "999999999999"}, "amount"),
        ({"currency": "euros"}, "currency"),
        ({"currency": ""}, "currency"),
        ({"colour": "red"}, "colour"),
        ({"confirm": "yes"}, "confirm"),
        ({"confirm": "true"}, "payment_method"),
        ({"expand[]": "customer"}, "expand"),
        ({"capture_method": "manual"}, "capture_method"),
        ({"metadata": "flat"}, "metadata"),
    ],
)
def test_a_bad_parameter_is_named_and_nothing_is_made(simulator, changed, param):
    form = {"amount": 1200, "currency": "eur", **changed}

    answer = simulator.post("/v1/payment_intents", form)

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {simulator.api_key}"
        listed = session.get(f"{simulator.url}/v1/payment_intents", timeout=5).json()
    assert listed["data"] == []


def test_the_gateways_clock_is_shown_in_its_answers(simulator, gateway):
    before = gateway.send(instruction(Op.GET_INTENT, target=an_intent(gateway)))
    simulator.advance(86_400)
    after = StripeGateway(simulator.url, simulator.api_key).send(
        instruction(Op.GET_INTENT, target=an_intent(gateway))
    )

    assert isinstance(before, IntentSeen)
    assert isinstance(after, IntentSeen)
    assert before.server_time is not None
    assert after.server_time is not None
    assert 86_399 <= after.server_time - before.server_time <= 86_405
