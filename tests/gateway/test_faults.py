"""Faults, seen from the truth: before the execution nothing has happened, after it everything."""

import pytest
import requests

from tests.gateway.conftest import VISA, ask_confirm, raw_intent, strike

LOSES_THE_ANSWER = ["drop", "reset", "truncate"]
LIES = ["500", "503", "html", "409", "429"]


@pytest.mark.parametrize("do", LOSES_THE_ANSWER)
class TestALostAnswer:
    def test_before_the_execution_nothing_was_taken(self, simulator, do):
        strike(simulator, do, when="before")

        answer = ask_confirm(simulator, raw_intent(simulator))

        assert answer is None
        assert simulator.captures() == []

    def test_after_the_execution_the_money_is_taken(self, simulator, do):
        strike(simulator, do, when="after")

        answer = ask_confirm(simulator, raw_intent(simulator))

        assert answer is None
        assert len(simulator.captures("pay_1")) == 1

    def test_the_journal_says_what_was_done_and_that_no_answer_left(self, simulator, do):
        strike(simulator, do, when="after")
        ask_confirm(simulator, raw_intent(simulator))

        (line,) = simulator.asked("confirm_intent")

        assert (line["executed"], line["status"], line["fault"]) == (True, None, do)
        assert (line["payment"], line["key"]) == ("pay_1", "att:1")


@pytest.mark.parametrize("do", LIES)
class TestALie:
    def test_before_the_execution_nothing_was_taken(self, simulator, do):
        strike(simulator, do, when="before")

        answer = ask_confirm(simulator, raw_intent(simulator))

        assert answer is not None
        assert simulator.captures() == []

    def test_after_the_execution_the_money_is_taken_and_the_key_holds_the_truth(
        self, simulator, do
    ):
        strike(simulator, do, when="after", times=1)
        intent = raw_intent(simulator)

        lie, truth = ask_confirm(simulator, intent), ask_confirm(simulator, intent)

        assert lie is not None
        assert truth is not None
        assert "succeeded" not in lie.text
        assert (truth.status_code, truth.json()["status"]) == (200, "succeeded")
        assert truth.headers["Idempotent-Replayed"] == "true"
        assert len(simulator.captures("pay_1")) == 1


def test_a_stored_500_before_the_execution_spends_the_key_without_taking_money(simulator):
    strike(simulator, "500_stored", when="before", times=1)
    intent = raw_intent(simulator)

    statuses = [_status(ask_confirm(simulator, intent)) for _ in range(2)]
    with_new_key = ask_confirm(simulator, intent, key="att:2")

    assert statuses == [500, 500]
    assert _status(with_new_key) == 200
    assert len(simulator.captures("pay_1")) == 1


@pytest.mark.parametrize("do", ["wrong_amount", "wrong_currency", "foreign_intent"])
def test_a_changed_answer_changes_nothing_in_truth(simulator, do):
    strike(simulator, do, times=1)
    intent = raw_intent(simulator)

    told, truth = ask_confirm(simulator, intent), ask_confirm(simulator, intent)

    assert told is not None
    assert truth is not None
    assert told.json() != truth.json()
    (taken,) = simulator.captures()
    assert (taken["intent"], taken["amount_minor"]) == (intent, 1200)


def test_a_held_connection_is_let_go_when_the_client_gives_up(simulator):
    strike(simulator, "hang", when="after")
    path = f"{simulator.url}/v1/payment_intents/{raw_intent(simulator)}/confirm"

    with pytest.raises(requests.ReadTimeout):
        requests.post(
            path, VISA, headers={"Authorization": f"Bearer {simulator.api_key}"}, timeout=0.2
        )

    assert len(simulator.captures("pay_1")) == 1


class TestWhoIsHit:
    def test_only_the_operation_named(self, simulator):
        simulator.faults([{"match": {"op": "cancel_intent"}, "do": "500"}])

        assert _status(ask_confirm(simulator, raw_intent(simulator))) == 200

    def test_only_keys_with_the_prefix(self, simulator):
        simulator.faults([{"match": {"key_prefix": "att:7"}, "do": "500", "when": "before"}])
        intent = raw_intent(simulator)

        assert _status(ask_confirm(simulator, intent, key="att:7:confirm")) == 500
        assert _status(ask_confirm(simulator, intent, key="att:8:confirm")) == 200

    def test_only_the_card_also_when_the_intent_remembers_it(self, simulator):
        simulator.faults([{"match": {"card": "pm_card_visa", "op": "confirm"}, "do": "500"}])
        form = {"amount": 5, "currency": "eur", **VISA}
        intent = simulator.post("/v1/payment_intents", form).json()["id"]

        assert simulator.post(f"/v1/payment_intents/{intent}/confirm").status_code == 500

    def test_only_the_nth_that_matches(self, simulator):
        simulator.faults([{"match": {"op": "create_intent", "nth": 2}, "do": "503"}])
        form = {"amount": 5, "currency": "eur"}

        answers = [simulator.post("/v1/payment_intents", form).status_code for _ in range(3)]

        assert answers == [200, 503, 200]

    def test_only_so_many_times(self, simulator):
        simulator.faults([{"match": {"op": "create_intent"}, "do": "503", "times": 2}])
        form = {"amount": 5, "currency": "eur"}

        answers = [simulator.post("/v1/payment_intents", form).status_code for _ in range(3)]

        assert answers == [503, 503, 200]

    def test_the_same_ones_again_with_the_same_seed(self, simulator):
        rule = {"do": "503", "probability": 0.5, "seed": 7}
        form = {"amount": 5, "currency": "eur"}

        def run() -> list[int]:
            simulator.faults([rule])
            return [simulator.post("/v1/payment_intents", form).status_code for _ in range(20)]

        first, second = run(), run()
        assert first == second
        assert set(first) == {200, 503}

    def test_nobody_after_the_rules_are_cleared(self, simulator):
        strike(simulator, "500")

        shown = simulator.faults([])

        assert shown == {"rules": []}
        assert _status(ask_confirm(simulator, raw_intent(simulator))) == 200

    def test_rules_are_shown_with_how_often_they_fired(self, simulator):
        strike(simulator, "500", times=1)
        intent = raw_intent(simulator)
        ask_confirm(simulator, intent)
        ask_confirm(simulator, intent)

        (rule,) = simulator.get("/_sim/faults")["rules"]

        assert (rule["do"], rule["seen"], rule["fired"]) == ("500", 2, 1)


def _status(answer: requests.Response | None) -> int | None:
    return answer.status_code if answer is not None else None
