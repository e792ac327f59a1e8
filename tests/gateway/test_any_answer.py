"""Whatever a gateway writes, the adapter neither raises nor hands on what cannot be stored."""

import json
from dataclasses import asdict
from typing import Any

import responses
from hypothesis import example, given, settings
from hypothesis import strategies as st

from payments_app.gateway.port import Instruction, IntentSeen, Observation, Op
from payments_app.gateway.stripe_adapter import StripeGateway

URL = "http://127.0.0.1:9"
STATUSES = st.sampled_from([200, 201, 400, 401, 402, 403, 404, 409, 429, 500, 503])
FIELDS = ["error", "object", "payment_intent", "id", "message", "type", "code", "metadata"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
    ),
    max_leaves=8,
)
INTENT: dict[str, Any] = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 1200,
    "amount_received": 1200,
    "currency": "eur",
    "last_payment_error": {"code": "card_declined", "message": "No.", "charge": "ch_1"},
    "latest_charge": "ch_1",
    "metadata": {"payment": "pay_1"},
    "status": "succeeded",
}


def observed(status: int, body: object) -> Observation:
    with responses.RequestsMock() as wire:
        wire.get(f"{URL}/v1/payment_intents/pi_1", json.dumps(body), status=status)
        asked = Instruction("r", Op.GET_INTENT, target="pi_1")
        return StripeGateway(URL, "sk_test_x").send(asked)


@given(STATUSES, JSON)
@example(400, {"error": {"type": []}})
@example(400, {"error": "text"})
@settings(max_examples=80, deadline=None)
def test_no_json_makes_the_adapter_raise(status, body):
    assert not isinstance(observed(status, body), IntentSeen)


@given(st.sampled_from(sorted(INTENT)), JSON)
@example("id", "pi_\0")
@example("latest_charge", "ch_\ud800")
@example("last_payment_error", {"message": "\0", "decline_code": []})
@example("metadata", {"payment": {}})
@example("amount", 2**63)
@example("amount", -1)
@settings(max_examples=80, deadline=None)
def test_what_is_seen_of_an_intent_can_always_be_stored(field, value):
    seen = observed(200, {**INTENT, field: value})

    for text in _texts(asdict(seen)):
        assert text.isprintable()
    if isinstance(seen, IntentSeen):
        assert 0 <= seen.amount_minor < 2**63
        assert 0 <= seen.captured_minor < 2**63


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    return [value] if isinstance(value, str) else []
