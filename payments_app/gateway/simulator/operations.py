"""Every operation: its name in fault rules and in the journal, its route, what it does."""

from collections.abc import Callable
from dataclasses import dataclass

from payments_app.gateway.simulator import charges, disputes, intents, refunds
from payments_app.gateway.simulator.lists import Listing
from payments_app.gateway.simulator.objects import (
    charge_object,
    dispute_object,
    event_object,
    intent_object,
    refund_object,
)
from payments_app.gateway.simulator.store import Transaction
from payments_app.gateway.simulator.values import Answer, Call


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    rule: str
    execute: Callable[[Transaction, Call], Answer]


BY_INTENT = {"payment_intent": "intent"}

OPERATIONS = {
    "create_intent": Operation("POST", "/v1/payment_intents", intents.create),
    "get_intent": Operation("GET", "/v1/payment_intents/<target>", intents.retrieve),
    "confirm_intent": Operation("POST", "/v1/payment_intents/<target>/confirm", intents.confirm),
    "cancel_intent": Operation("POST", "/v1/payment_intents/<target>/cancel", intents.cancel),
    "list_intents": Operation("GET", "/v1/payment_intents", Listing("intent", intent_object, {})),
    "create_refund": Operation("POST", "/v1/refunds", refunds.create),
    "get_refund": Operation("GET", "/v1/refunds/<target>", refunds.retrieve),
    "list_refunds": Operation(
        "GET", "/v1/refunds", Listing("refund", refund_object, {**BY_INTENT, "charge": "charge"})
    ),
    "get_dispute": Operation("GET", "/v1/disputes/<target>", disputes.retrieve),
    "list_disputes": Operation(
        "GET", "/v1/disputes", Listing("dispute", dispute_object, {**BY_INTENT, "charge": "charge"})
    ),
    "create_charge": Operation("POST", "/v1/charges", charges.create),
    "get_charge": Operation("GET", "/v1/charges/<target>", charges.retrieve),
    "list_charges": Operation("GET", "/v1/charges", Listing("charge", charge_object, BY_INTENT)),
    "list_events": Operation("GET", "/v1/events", Listing("event", event_object, {"type": "type"})),
}

# Short names that a person writes in a fault rule.
ALIASES = {
    "create": "create_intent",
    "get": "get_intent",
    "retrieve": "get_intent",
    "confirm": "confirm_intent",
    "cancel": "cancel_intent",
    "refund": "create_refund",
    "charge": "create_charge",
}
