"""The gateway's own promise, on which everything else stands: an intent is captured once.

Held against parallel requests, against a SIGKILL between any two of them, and against a restart.
"""

import os
import signal

import pytest
import requests

from tests.gateway.conftest import in_parallel, raw_intent
from tests.support.simulator import Simulator

VISA = {"payment_method": "pm_card_visa"}
CHARGE = {"amount": 1200, "currency": "eur", "metadata[payment]": "pay_1", **VISA}


def test_fifty_parallel_confirms_capture_once(simulator):
    path = f"/v1/payment_intents/{raw_intent(simulator)}/confirm"

    answers = in_parallel(50, lambda n: simulator.post(path, VISA, key=f"att:{n}"))

    assert len(simulator.captures("pay_1")) == 1
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 49
    refused = next(answer.json()["error"] for answer in answers if answer.status_code == 400)
    assert refused["code"] == "payment_intent_unexpected_state"
    assert refused["payment_intent"]["status"] == "succeeded"


def test_fifty_parallel_charges_with_a_key_each_capture_fifty_times(simulator):
    # Negative control: it is the intent that makes it once, not the gateway's good will.
    in_parallel(50, lambda n: simulator.post("/v1/charges", CHARGE, key=f"k{n}"))

    assert len(simulator.captures("pay_1")) == 50


def test_a_confirm_racing_a_cancel_ends_one_way(simulator):
    for number in range(10):
        path = f"/v1/payment_intents/{raw_intent(simulator, f'pay_{number}')}"
        doors = (f"{path}/confirm", f"{path}/cancel")

        def knock(door: int, doors: tuple[str, str] = doors) -> int:
            return simulator.post(doors[door], VISA if door == 0 else None).status_code

        answers = in_parallel(2, knock)

        assert sorted(answers) == [200, 400]
        assert len(simulator.captures(f"pay_{number}")) == (1 if answers[0] == 200 else 0)


def test_parallel_refunds_never_give_back_more_than_was_taken(simulator):
    intent = raw_intent(simulator)
    simulator.post(f"/v1/payment_intents/{intent}/confirm", VISA)
    form = {"payment_intent": intent, "amount": 500}

    answers = in_parallel(20, lambda n: simulator.post("/v1/refunds", form, key=f"rfd:{n}"))

    refunds = simulator.journal()["refunds"]
    assert sorted(answer.status_code for answer in answers) == [200, 200] + [400] * 18
    assert sum(refund["amount_minor"] for refund in refunds) == 1000


def test_a_charge_that_is_refunded_whole_says_so(simulator):
    intent = raw_intent(simulator)
    simulator.post(f"/v1/payment_intents/{intent}/confirm", VISA)

    first = simulator.post("/v1/refunds", {"payment_intent": intent})
    second = simulator.post("/v1/refunds", {"payment_intent": intent})

    assert first.json()["amount"] == 1200
    assert second.json()["error"]["code"] == "charge_already_refunded"


@pytest.mark.parametrize(
    ("code", "step"), [("kwd", 10), ("tnd", 10), ("isk", 100), ("ugx", 100), ("eur", 1), ("jpy", 1)]
)
def test_an_amount_between_the_steps_of_its_currency_is_refused_and_moves_nothing(
    simulator, code, step
):
    form = {"amount": 1_001, "currency": code, **VISA}

    answers = [
        simulator.post("/v1/payment_intents", {**form, "confirm": "true"}),
        simulator.post("/v1/charges", form),
    ]

    assert {answer.status_code for answer in answers} == {200 if step == 1 else 400}
    for answer in answers if step > 1 else []:
        error = answer.json()["error"]
        assert (error["type"], error["param"]) == ("invalid_request_error", "amount")
        assert str(step) in error["message"]
    assert len(simulator.captures()) == (2 if step == 1 else 0)


def test_a_refund_between_the_steps_of_its_currency_is_refused(simulator):
    form = {"amount": 5_000, "currency": "kwd", "confirm": "true", **VISA}
    intent = simulator.post("/v1/payment_intents", form).json()["id"]

    answer = simulator.post("/v1/refunds", {"payment_intent": intent, "amount": 1_234})

    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "amount"
    assert simulator.journal()["refunds"] == []


@pytest.mark.parametrize("form", [{}, {"payment_intent": "pi_nobody"}, {"charge": "ch_nobody"}])
def test_a_refund_of_nothing_is_refused(simulator, form):
    assert simulator.post("/v1/refunds", {"amount": 5, **form}).status_code in {400, 404}


def test_an_intent_that_was_not_paid_cannot_be_refunded(simulator):
    answer = simulator.post("/v1/refunds", {"payment_intent": raw_intent(simulator)})

    assert answer.status_code == 400
    assert simulator.journal()["refunds"] == []


class TestKilledGateway:
    def test_what_was_answered_is_in_the_journal_after_sigkill(self, own_simulator):
        intents = [raw_intent(own_simulator, f"pay_{n}") for n in range(10)]
        for intent in intents:
            own_simulator.post(f"/v1/payment_intents/{intent}/confirm", VISA, key=f"c:{intent}")
        before = own_simulator.journal()

        own_simulator.kill()
        own_simulator.start()

        assert own_simulator.journal() == before
        assert len(before["captures"]) == 10

    def test_a_kill_under_load_leaves_whole_transactions(self, own_simulator):
        answered = self.charged_until_killed(own_simulator)
        own_simulator.start()

        journal = own_simulator.journal()
        captured = [line["payment"] for line in journal["captures"]]
        told = [line["payment"] for line in journal["requests"] if line["executed"]]
        assert sorted(captured) == sorted(told), "a capture and its journal line are one"
        assert set(answered) <= set(captured), "nothing that was answered is forgotten"

        for payment in captured:
            self.charge(own_simulator, payment)
        assert len(own_simulator.captures()) == len(captured), "nor is any of their keys"

    def test_the_keys_and_the_clock_survive_a_restart(self, own_simulator):
        own_simulator.advance(3600)
        first = own_simulator.post("/v1/charges", CHARGE, key="k1")

        own_simulator.kill()
        own_simulator.start()

        assert own_simulator.post("/v1/charges", CHARGE, key="k1").json() == first.json()
        assert own_simulator.get("/_sim/clock")["advanced_s"] == 3600

    def charged_until_killed(self, simulator: Simulator) -> list[str]:
        """The payments whose answers arrived from eight clients before the gateway was killed."""

        def client(number: int) -> list[str]:
            answered: list[str] = []
            for turn in range(40):
                # The last client's tenth turn pulls the plug under the others.
                if (number, turn) == (7, 10):
                    os.kill(simulator.pid, signal.SIGKILL)
                try:
                    self.charge(simulator, f"pay_{number}_{turn}")
                except requests.RequestException:
                    return answered
                answered.append(f"pay_{number}_{turn}")
            return answered

        answered = [payment for own in in_parallel(8, client) for payment in own]
        simulator.kill()
        return answered

    def charge(self, simulator: Simulator, payment: str) -> None:
        form = {**CHARGE, "metadata[payment]": payment}
        simulator.post("/v1/charges", form, key=f"c:{payment}").raise_for_status()
