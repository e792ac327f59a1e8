"""The adapter on the simulator process: what each way of failing looks like from our side."""

import pytest

from payments_app.gateway.port import (
    Busy,
    IntentSeen,
    IntentStatus,
    Observation,
    Op,
    RefundSeen,
    RefundsListed,
    RefundStatus,
    Rejected,
    Unknown,
    WrongState,
)
from payments_app.gateway.stripe_adapter import StripeGateway
from tests.gateway.conftest import an_intent, confirm, create, in_parallel, instruction


def test_a_payment_goes_from_intent_to_capture(gateway, simulator):
    intent = an_intent(gateway)

    seen = gateway.send(confirm(intent))

    assert isinstance(seen, IntentSeen)
    assert seen.status is IntentStatus.SUCCEEDED
    assert (seen.amount_minor, seen.captured_minor, seen.currency) == (1200, 1200, "EUR")
    assert seen.payment == "pay_1"
    taken = simulator.captures()
    assert [(line["intent"], line["payment"], line["amount_minor"]) for line in taken] == [
        (intent, "pay_1", 1200)
    ]


def test_creating_an_intent_moves_no_money(gateway, simulator):
    an_intent(gateway, payment_method="pm_card_visa")

    assert simulator.captures() == []


def test_a_decline_is_seen_at_once_and_on_every_later_look(gateway):
    intent = an_intent(gateway)

    declined = gateway.send(confirm(intent, card="pm_card_insufficientFunds"))
    looked = gateway.send(instruction(Op.GET_INTENT, target=intent))

    assert isinstance(declined, IntentSeen)
    assert isinstance(looked, IntentSeen)
    assert declined.decline is not None
    assert declined.decline.code == "insufficient_funds"
    assert declined.decline.charge_id == declined.latest_charge == looked.latest_charge
    assert looked.decline == declined.decline


def test_cancelled_is_a_fence_and_succeeded_refuses_it(gateway, simulator):
    fenced, paid = an_intent(gateway, "pay_1"), an_intent(gateway, "pay_2")
    gateway.send(confirm(paid))

    cancelled = gateway.send(instruction(Op.CANCEL_INTENT, key="c:1", target=fenced))
    refused = gateway.send(instruction(Op.CANCEL_INTENT, key="c:2", target=paid))
    after = gateway.send(confirm(fenced, key="att:2:confirm"))

    assert isinstance(cancelled, IntentSeen)
    assert cancelled.status is IntentStatus.CANCELED
    assert isinstance(refused, WrongState)
    assert refused.code == "payment_intent_unexpected_state"
    assert isinstance(after, WrongState)
    assert simulator.captures("pay_1") == []


def test_refunds_are_made_seen_and_listed(gateway):
    intent = an_intent(gateway)
    gateway.send(confirm(intent))
    params = {"payment_intent": intent, "amount": 300, "metadata": {"refund": "rfd_1"}}

    made = gateway.send(instruction(Op.CREATE_REFUND, key="rfd:1:create", params=params))
    assert isinstance(made, RefundSeen)
    looked = gateway.send(instruction(Op.GET_REFUND, target=made.refund_id))
    listed = gateway.send(instruction(Op.LIST_REFUNDS, target=intent))

    assert (made.status, made.amount_minor) == (RefundStatus.SUCCEEDED, 300)
    assert (made.refund, made.intent_id) == ("rfd_1", intent)
    assert isinstance(looked, RefundSeen)
    assert looked.refund_id == made.refund_id
    assert isinstance(listed, RefundsListed)
    assert [refund.refund_id for refund in listed.refunds] == [made.refund_id]


def test_a_refund_above_what_was_taken_is_rejected(gateway):
    intent = an_intent(gateway)
    gateway.send(confirm(intent))
    params = {"payment_intent": intent, "amount": 1201}

    refused = gateway.send(instruction(Op.CREATE_REFUND, key="rfd:1:create", params=params))

    assert isinstance(refused, Rejected)
    assert (refused.http_status, refused.code) == (400, "invalid_request_error")


def test_every_refund_is_listed_however_many_pages_it_takes(gateway):
    intent = an_intent(gateway)
    gateway.send(confirm(intent))
    for number in range(103):
        params = {"payment_intent": intent, "amount": 1}
        gateway.send(instruction(Op.CREATE_REFUND, key=f"rfd:{number}:create", params=params))

    listed = gateway.send(instruction(Op.LIST_REFUNDS, target=intent))

    assert isinstance(listed, RefundsListed)
    assert len({refund.refund_id for refund in listed.refunds}) == 103


def test_a_wrong_key_is_rejected(simulator):
    seen = StripeGateway(simulator.url, "pk_live_no").send(create())

    assert isinstance(seen, Rejected)
    assert seen.http_status == 401


def test_an_intent_that_never_was_is_rejected_as_missing(gateway):
    seen = gateway.send(instruction(Op.GET_INTENT, target="pi_nobody"))

    assert seen == Rejected(
        404, "resource_missing", "No such payment_intent: 'pi_nobody'", "intent"
    )


def test_an_unknown_card_is_rejected(gateway):
    seen = gateway.send(confirm(an_intent(gateway), card="pm_card_of_nobody"))

    assert isinstance(seen, Rejected)
    assert (seen.http_status, seen.code, seen.param) == (400, "resource_missing", "payment_method")


class TestFaults:
    """What each fault is to us; whether money moved is in test_faults.py."""

    def struck(self, simulator, gateway, do: str, when: str) -> Observation:
        intent = an_intent(gateway)
        simulator.faults([{"match": {"op": "confirm_intent"}, "when": when, "do": do}])
        return gateway.send(confirm(intent))

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("do", ["drop", "reset", "hang", "late", "truncate", "html", "503"])
    def test_silence_and_noise_are_unknown(self, simulator, gateway, do, when):
        seen = self.struck(simulator, gateway, do, when)

        assert isinstance(seen, Unknown)
        assert not seen.received

    @pytest.mark.parametrize("when", ["before", "after"])
    @pytest.mark.parametrize("do", ["500", "500_stored"])
    def test_a_500_with_a_body_is_unknown_and_received(self, simulator, gateway, do, when):
        seen = self.struck(simulator, gateway, do, when)

        assert isinstance(seen, Unknown)
        assert seen.received

    @pytest.mark.parametrize("do", ["409", "429"])
    def test_a_busy_gateway_is_busy(self, simulator, gateway, do):
        assert isinstance(self.struck(simulator, gateway, do, "before"), Busy)

    def test_a_wrong_amount_is_reported_as_it_was_told(self, simulator, gateway):
        seen = self.struck(simulator, gateway, "wrong_amount", "after")

        assert isinstance(seen, IntentSeen)
        assert (seen.amount_minor, seen.captured_minor) == (1201, 1201)

    def test_a_foreign_intent_is_reported_as_it_was_told(self, simulator, gateway):
        seen = self.struck(simulator, gateway, "foreign_intent", "after")

        assert isinstance(seen, IntentSeen)
        assert seen.intent_id != simulator.captures()[0]["intent"]
        assert seen.payment != "pay_1"

    @pytest.mark.parametrize("do", ["drop", "reset", "500", "503", "409", "429"])
    def test_nothing_is_ever_sent_twice_by_the_library(self, simulator, gateway, do):
        self.struck(simulator, gateway, do, "before")

        assert len(simulator.asked("confirm_intent")) == 1


def test_one_adapter_serves_many_threads(simulator):
    patient = StripeGateway(simulator.url, simulator.api_key)

    def pay(number: int) -> Observation:
        intent = an_intent(patient, f"pay_{number}")
        return patient.send(confirm(intent, key=f"att:{number}:confirm"))

    seen = in_parallel(20, pay)

    assert all(isinstance(one, IntentSeen) for one in seen)
    assert {line["payment"] for line in simulator.captures()} == {f"pay_{n}" for n in range(20)}
