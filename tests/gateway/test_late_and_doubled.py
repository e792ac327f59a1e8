"""Requests that the network delivers late, or twice: what breaks protocols that look correct."""

from tests.gateway.conftest import VISA, ask_confirm, raw_intent, strike
from tests.support.waiting import wait_until


class TestDuplicates:
    def test_a_doubled_confirm_is_replayed_by_its_key(self, simulator):
        strike(simulator, "dup")

        answer = ask_confirm(simulator, raw_intent(simulator))

        assert answer is not None
        assert answer.headers["Idempotent-Replayed"] == "true"
        assert [line["executed"] for line in simulator.asked("confirm_intent")] == [True, False]
        assert len(simulator.captures("pay_1")) == 1

    def test_a_doubled_charge_without_a_key_takes_money_twice(self, simulator):
        # Negative control: this is what keys are for.
        simulator.faults([{"match": {"op": "create_charge"}, "do": "dup"}])
        form = {"amount": 5, "currency": "eur", "metadata[payment]": "pay_1", **VISA}

        simulator.post("/v1/charges", form)

        assert len(simulator.captures("pay_1")) == 2


class TestLateRequests:
    def test_it_is_executed_after_its_client_gave_up(self, simulator):
        strike(simulator, "late", delay_s=0.1, times=1)

        answer = ask_confirm(simulator, raw_intent(simulator))

        assert answer is None
        wait_until(lambda: simulator.captures("pay_1"), what="the late request takes money")

    def test_it_arrives_after_a_newer_attempt_was_declined(self, simulator):
        # The counterexample to "a hard decline ends the payment".
        strike(simulator, "late", times=1)
        intent = raw_intent(simulator)
        ask_confirm(simulator, intent, key="att:1")
        before = simulator.captures()

        form = {"payment_method": "pm_card_visa_chargeDeclined"}
        declined = simulator.post(f"/v1/payment_intents/{intent}/confirm", form, key="att:2")

        assert (declined.status_code, before) == (402, [])
        wait_until(lambda: simulator.captures("pay_1"), what="attempt 1 arrives after attempt 2")

    def test_it_cannot_pass_a_cancel(self, simulator):
        strike(simulator, "late", until="released", times=1)
        intent = raw_intent(simulator)
        ask_confirm(simulator, intent)
        simulator.post(f"/v1/payment_intents/{intent}/cancel")

        simulator.control("release")

        wait_until(lambda: len(simulator.asked("confirm_intent")) == 2)
        assert simulator.asked("confirm_intent")[1]["status"] == 400
        assert simulator.captures() == []

    def test_it_is_replayed_when_its_key_was_used_meanwhile(self, simulator):
        strike(simulator, "late", times=1)
        intent = raw_intent(simulator)
        ask_confirm(simulator, intent)

        ask_confirm(simulator, intent)

        wait_until(lambda: len(simulator.asked("confirm_intent")) == 3)
        assert [line["executed"] for line in simulator.asked("confirm_intent")] == [
            False,
            True,
            False,
        ]
        assert len(simulator.captures("pay_1")) == 1

    def test_a_reset_forgets_it(self, simulator):
        strike(simulator, "late", until="released", times=1)
        ask_confirm(simulator, raw_intent(simulator))

        simulator.reset()

        assert simulator.control("release") == {"late": 0}
        assert simulator.journal()["requests"] == []
