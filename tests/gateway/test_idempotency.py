"""Keys at the gateway: what they promise, and where their promise ends."""

import pytest

from tests.gateway.conftest import in_parallel, raw_intent

HOUR_S = 3600
CREATE = {"amount": 1200, "currency": "eur", "metadata[payment]": "pay_1"}
CHARGE = {**CREATE, "payment_method": "pm_card_visa"}


def test_the_same_key_gets_the_same_answer_and_says_so(simulator):
    first = simulator.post("/v1/payment_intents", CREATE, key="k1")
    second = simulator.post("/v1/payment_intents", CREATE, key="k1")

    assert second.json() == first.json()
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert [line["replayed"] for line in simulator.asked("create_intent")] == [False, True]


def test_a_decline_is_replayed_too(simulator):
    path = f"/v1/payment_intents/{raw_intent(simulator)}/confirm"
    form = {"payment_method": "pm_card_visa_chargeDeclined"}

    first = simulator.post(path, form, key="k1")
    second = simulator.post(path, form, key="k1")

    assert (first.status_code, second.status_code) == (402, 402)
    assert second.json() == first.json()


def test_the_order_of_parameters_does_not_matter(simulator):
    first = simulator.post("/v1/payment_intents", CREATE, key="k1")
    second = simulator.post("/v1/payment_intents", dict(reversed(CREATE.items())), key="k1")

    assert second.json()["id"] == first.json()["id"]


@pytest.mark.parametrize(
    ("path", "changed"),
    [
        ("/v1/payment_intents", {"amount": 1300}),
        ("/v1/payment_intents", {"metadata[payment]": "pay_2"}),
        ("/v1/charges", {"payment_method": "pm_card_visa"}),
    ],
)
def test_the_same_key_for_another_request_is_an_idempotency_error(simulator, path, changed):
    simulator.post("/v1/payment_intents", CREATE, key="k1")

    refused = simulator.post(path, {**CREATE, **changed}, key="k1")

    assert refused.status_code == 400
    assert refused.json()["error"]["type"] == "idempotency_error"
    assert simulator.captures() == []


def test_a_key_in_flight_is_refused_with_409(simulator):
    # The slow card keeps its key in flight for seconds: the others arrive meanwhile.
    form = {**CHARGE, "payment_method": "pm_card_slow"}

    answers = in_parallel(5, lambda _: simulator.post("/v1/charges", form, key="k1"))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    codes = {answer.json()["error"]["code"] for answer in answers if answer.status_code == 409}
    assert codes == {"idempotency_key_in_use"}
    assert len(simulator.captures()) == 1


def test_fifty_requests_with_one_key_take_money_once(simulator):
    answers = in_parallel(50, lambda _: simulator.post("/v1/charges", CHARGE, key="k1"))

    assert len(simulator.captures()) == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 200}) == 1


def test_a_key_is_kept_for_a_day(simulator):
    first = simulator.post("/v1/charges", CHARGE, key="k1")
    simulator.advance(24 * HOUR_S - 60)

    assert simulator.post("/v1/charges", CHARGE, key="k1").json() == first.json()


def test_a_forgotten_key_charges_again(simulator):
    # The counterexample to a protocol that leans on keys alone.
    simulator.post("/v1/charges", CHARGE, key="k1")
    simulator.advance(24 * HOUR_S + 60)

    simulator.post("/v1/charges", CHARGE, key="k1")

    assert len(simulator.captures("pay_1")) == 2


def test_a_forgotten_key_cannot_make_an_intent_succeed_again(simulator):
    path = f"/v1/payment_intents/{raw_intent(simulator)}/confirm"
    simulator.post(path, {"payment_method": "pm_card_visa"}, key="k1")
    simulator.advance(24 * HOUR_S + 60)

    refused = simulator.post(path, {"payment_method": "pm_card_visa"}, key="k1")

    assert refused.json()["error"]["code"] == "payment_intent_unexpected_state"
    assert len(simulator.captures("pay_1")) == 1


def test_a_request_that_was_refused_leaves_its_key_free(simulator):
    refused = simulator.post("/v1/payment_intents", {**CREATE, "amount": 0}, key="k1")
    made = simulator.post("/v1/payment_intents", CREATE, key="k1")

    assert (refused.status_code, made.status_code) == (400, 200)


def test_a_stored_500_is_replayed_and_nothing_more_happens(simulator):
    simulator.faults([{"match": {"op": "create_charge"}, "do": "500_stored", "times": 1}])

    answers = [simulator.post("/v1/charges", CHARGE, key="k1") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [500, 500, 500]
    assert len(simulator.captures()) == 1


def test_a_key_works_on_posts_alone(simulator):
    intent = raw_intent(simulator)
    simulator.post("/v1/payment_intents", CREATE, key="k1")

    assert simulator.post(f"/v1/payment_intents/{intent}/cancel", key="k2").status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_of_impossible_length_is_refused(simulator, key):
    assert simulator.post("/v1/payment_intents", CREATE, key=key).status_code == 400
