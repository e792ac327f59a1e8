"""Every row of the adapter's table: what Stripe may write, and what we are to make of it.

Only here is the wire replaced; every claim about the protocol is tested on the simulator process.
"""

import json
from typing import Any

import pytest
import requests
import responses

from payments_app.gateway.port import (
    Busy,
    Decline,
    Instruction,
    IntentSeen,
    IntentStatus,
    Observation,
    Op,
    RefundSeen,
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
    method = responses.POST if asked.key else responses.GET
    with responses.RequestsMock() as wire:
        wire.add(method, f"{URL}/{_path(asked)}", text, status=status, headers=headers)
        return StripeGateway(URL, "sk_test_x").send(asked)


def _path(asked: Instruction) -> str:
    if asked.op is Op.GET_REFUND:
        return f"v1/refunds/{asked.target}"
    verb = "/confirm" if asked.op is Op.CONFIRM_INTENT else ""
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
    (409, error("invalid_request_error"), Busy(2.0, "in progress: No.", executing=True)),
    (409, error("x", code="idempotency_key_in_use"), Busy(2.0, "in progress: No.", executing=True)),
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


def test_an_error_that_the_gateway_keeps_under_the_key_says_so():
    kept = observed(status=500, body=error("api_error"), headers={"Idempotent-Replayed": "true"})

    assert kept == Unknown("HTTP 500: No.", received=True, replayed=True)


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


def test_a_refund_is_seen():
    seen = observed(body=REFUND, asked=Instruction("r", Op.GET_REFUND, target="re_1"))

    assert seen == RefundSeen("re_1", RefundStatus.SUCCEEDED, 300, "EUR", "pi_1", "rfd_1")


def test_an_intent_in_place_of_a_refund_is_not_understood():
    seen = observed(body=INTENT, asked=Instruction("r", Op.GET_REFUND, target="re_1"))

    assert isinstance(seen, Unknown)
