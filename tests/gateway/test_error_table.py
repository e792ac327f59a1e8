"""Every row of the adapter's table: what Stripe may write, and what we are to make of it.

Only here is the wire replaced; every claim about the protocol is tested on the simulator process.
"""

import json
from typing import Any

import pytest
import requests
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from payments_app.gateway.port import (
    Busy,
    Decline,
    Instruction,
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

URL = "http://127.0.0.1:9"
CONFIRM = Instruction(
    "req_1",
    Op.CONFIRM_INTENT,
    key="att:1:confirm",
    target="pi_1",
    params={"payment_method": "pm_card_visa"},
)
INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 1200,
    "amount_received": 1200,
    "currency": "eur",
    "latest_charge": "ch_1",
    "last_payment_error": None,
    "metadata": {"payment": "pay_1"},
    "status": "succeeded",
}
SEEN = IntentSeen("pi_1", IntentStatus.SUCCEEDED, 1200, "EUR", "pay_1", "ch_1", 1200)
REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 300,
    "currency": "eur",
    "metadata": {"refund": "rfd_1"},
    "payment_intent": "pi_1",
    "status": "succeeded",
}


def observed(
    *,
    status: int = 200,
    body: Any = None,
    headers: dict[str, str] | None = None,
    asked: Instruction = CONFIRM,
) -> Observation:
    """What the adapter makes of one answer."""
    text = body if isinstance(body, str | bytes | Exception) else json.dumps(body)
    with responses.RequestsMock() as wire:
        for method in (responses.GET, responses.POST):
            wire.add(method, f"{URL}/{_path(asked)}", text, status=status, headers=headers)
        wire.assert_all_requests_are_fired = False
        return StripeGateway(URL, "sk_test_x").send(asked)


def _path(asked: Instruction) -> str:
    if asked.op in {Op.CREATE_REFUND, Op.GET_REFUND, Op.LIST_REFUNDS}:
        return "v1/refunds" + (f"/{asked.target}" if asked.op is Op.GET_REFUND else "")
    verb = {Op.CONFIRM_INTENT: "/confirm", Op.CANCEL_INTENT: "/cancel"}.get(asked.op, "")
    return f"v1/payment_intents/{asked.target}{verb}"


def error(kind: str, message: str = "No.", **details: Any) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message, **details}}


def test_an_intent_is_seen_with_its_amounts_and_whose_it_is():
    assert observed(body=INTENT) == SEEN


def test_a_replayed_answer_and_the_gateways_clock_are_visible():
    headers = {"Idempotent-Replayed": "true", "Date": "Mon, 23 Nov 2026 12:00:00 GMT"}

    seen = observed(body=INTENT, headers=headers)

    assert isinstance(seen, IntentSeen)
    assert seen.replayed
    assert seen.server_time == 1795435200.0


def test_a_decline_is_an_answer_about_the_intent():
    failed = {**INTENT, "status": "requires_payment_method", "amount_received": 0}
    body = error(
        "card_error",
        "Your card has insufficient funds.",
        code="card_declined",
        decline_code="insufficient_funds",
        charge="ch_1",
        payment_intent=failed,
    )

    assert observed(status=402, body=body) == IntentSeen(
        "pi_1",
        IntentStatus.REQUIRES_PAYMENT_METHOD,
        1200,
        "EUR",
        "pay_1",
        "ch_1",
        0,
        Decline("insufficient_funds", "Your card has insufficient funds.", "ch_1"),
    )


def test_an_intent_that_is_looked_at_says_why_its_last_charge_failed():
    last = {"type": "card_error", "code": "card_declined", "message": "No.", "charge": "ch_1"}
    charge = {"id": "ch_1", "object": "charge", "status": "failed"}
    body = {**INTENT, "status": "requires_payment_method", "amount_received": 0}
    body |= {"last_payment_error": last, "latest_charge": charge}

    seen = observed(body=body, asked=Instruction("r", Op.GET_INTENT, target="pi_1"))

    assert isinstance(seen, IntentSeen)
    assert seen.latest_charge == "ch_1"
    assert seen.decline == Decline("card_declined", "No.", "ch_1")


REFUSED = [
    (400, error("idempotency_error"), Rejected(400, "idempotency_error", "No.")),
    (400, error("invalid_request_error"), Rejected(400, "invalid_request_error", "No.")),
    (400, error("invalid_request_error", code="x"), Rejected(400, "x", "No.")),
    (401, error("invalid_request_error"), Rejected(401, "invalid_request_error", "No.")),
    (402, error("card_error", code="card_declined"), WrongState("card_declined", "No.")),
    (403, error("invalid_request_error"), Rejected(403, "invalid_request_error", "No.")),
    (
        404,
        error("invalid_request_error", code="resource_missing"),
        Rejected(404, "resource_missing", "No."),
    ),
    (
        400,
        error("invalid_request_error", code="payment_intent_unexpected_state"),
        WrongState("payment_intent_unexpected_state", "No."),
    ),
    (409, error("invalid_request_error"), Busy(2.0, "in progress: No.")),
    (409, error("x", code="idempotency_key_in_use"), Busy(2.0, "in progress: No.")),
    (429, error("invalid_request_error", code="rate_limit"), Busy(1.0, "rate limited: No.")),
    (400, error("invalid_request_error", code="rate_limit"), Busy(1.0, "rate limited: No.")),
    (500, error("api_error"), Unknown("HTTP 500: No.", received=True)),
    (503, error("api_error"), Unknown("HTTP 503: No.", received=True)),
]


@pytest.mark.parametrize(("status", "body", "expected"), REFUSED)
def test_every_error_of_the_table_has_its_meaning(status, body, expected):
    assert observed(status=status, body=body) == expected


@pytest.mark.parametrize("status", [409, 429])
def test_a_busy_gateway_says_how_long_to_wait(status):
    busy = observed(status=status, body=error("x"), headers={"Retry-After": "7"})

    assert isinstance(busy, Busy)
    assert busy.retry_after_s == 7


NOT_UNDERSTOOD = [
    (200, "<html>Please sign in</html>"),
    (200, '{"id": "pi_1", "obj'),
    (200, ""),
    (200, "[]"),
    (200, "null"),
    (200, b"\xff\xfe"),
    (200, {**INTENT, "object": "charge"}),
    (200, {**INTENT, "status": "new_state_of_2030"}),
    (200, {**INTENT, "amount": "1200"}),
    (200, {**INTENT, "amount": 12.0}),
    (200, {**INTENT, "id": None}),
    (200, {"object": "payment_intent"}),
    (302, ""),
    (400, "<html>Bad request</html>"),
    (400, {"error": "oops"}),
    (400, {"error": ["oops"]}),
    (400, {"error": None}),
    (402, "<html>Pay for this network</html>"),
    (404, "<html>Not found</html>"),
    (409, "conflict"),
    (429, "slow down"),
    (500, "<html>Oops</html>"),
    (502, "Bad gateway"),
    (500, '{"error": {"type": "api_err'),
]


@pytest.mark.parametrize(("status", "body"), NOT_UNDERSTOOD)
def test_what_is_not_understood_is_unknown_whatever_its_status(status, body):
    seen = observed(status=status, body=body)

    assert isinstance(seen, Unknown)
    assert not seen.received


@pytest.mark.parametrize(
    "failure",
    [
        requests.ReadTimeout("read timed out"),
        requests.ConnectionError("connection reset"),
        requests.exceptions.ChunkedEncodingError("incomplete read"),
        requests.exceptions.SSLError("handshake failed"),
        requests.TooManyRedirects("redirected"),
        ValueError("something odd"),
    ],
)
def test_silence_is_unknown_and_never_raised(failure):
    assert isinstance(observed(body=failure), Unknown)


@given(
    status=st.sampled_from([200, 201, 400, 401, 402, 403, 404, 409, 429, 500, 503]),
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["error", "object", "payment_intent", "id", "message", "type", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ),
)
@settings(max_examples=60, deadline=None)
def test_no_json_makes_the_adapter_raise(status, body):
    assert not isinstance(observed(status=status, body=body), IntentSeen)


def test_a_refund_is_seen():
    seen = observed(body=REFUND, asked=Instruction("r", Op.GET_REFUND, target="re_1"))

    assert seen == RefundSeen("re_1", RefundStatus.SUCCEEDED, 300, "EUR", "pi_1", "rfd_1")


def test_an_intent_in_place_of_a_refund_is_not_understood():
    seen = observed(body=INTENT, asked=Instruction("r", Op.GET_REFUND, target="re_1"))

    assert isinstance(seen, Unknown)


class TestListsOfRefunds:
    ASKED = Instruction("r", Op.LIST_REFUNDS, target="pi_1")

    def test_all_pages_are_read(self):
        pages = [
            {"object": "list", "data": [{**REFUND, "id": "re_2"}], "has_more": True},
            {"object": "list", "data": [REFUND], "has_more": False},
        ]
        with responses.RequestsMock() as wire:
            for page in pages:
                wire.get(f"{URL}/v1/refunds", json=page)
            listed = StripeGateway(URL, "sk_test_x").send(self.ASKED)
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
        assert isinstance(observed(body=page, asked=self.ASKED), Unknown)

    def test_a_list_without_end_is_given_up(self):
        endless = {"object": "list", "data": [REFUND], "has_more": True}

        assert isinstance(observed(body=endless, asked=self.ASKED), Unknown)


class TestWhatIsSent:
    def sent(self, asked: Instruction) -> requests.PreparedRequest:
        with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
            wire.add(responses.POST, f"{URL}/{_path(asked)}", json=INTENT)
            wire.add(responses.GET, f"{URL}/{_path(asked)}", json=INTENT)
            StripeGateway(URL, "sk_test_x").send(asked)
            return wire.calls[0].request

    def test_the_stored_body_and_key_are_sent_unchanged(self):
        params = {"amount": 1200, "metadata": {"payment": "pay_1"}, "confirm": False}
        asked = Instruction("r", Op.CONFIRM_INTENT, key="k:1", target="pi_1", params=params)

        request = self.sent(asked)

        assert request.body == "amount=1200&metadata[payment]=pay_1&confirm=false"
        assert request.headers["Idempotency-Key"] == "k:1"
        assert request.headers["Authorization"] == "Bearer sk_test_x"

    def test_nothing_about_earlier_requests_is_told(self):
        gateway = StripeGateway(URL, "sk_test_x")
        with responses.RequestsMock() as wire:
            wire.post(f"{URL}/{_path(CONFIRM)}", json=INTENT, headers={"Request-Id": "req_1"})
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
