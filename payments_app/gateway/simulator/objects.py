"""Rows as the JSON objects that Stripe shows."""

import json
from sqlite3 import Row

from payments_app.gateway.simulator.errors import decline_message
from payments_app.gateway.simulator.values import Body


def intent_object(row: Row, *, charge: Row | None = None) -> Body:
    """``charge`` is given where the caller asked to expand ``latest_charge``."""
    status = row["status"]
    return {
        "id": row["id"],
        "object": "payment_intent",
        "amount": row["amount_minor"],
        "amount_received": row["captured_minor"],
        "canceled_at": row["canceled_s"] and int(row["canceled_s"]),
        "cancellation_reason": row["cancellation_reason"],
        "created": int(row["created_s"]),
        "currency": row["currency"],
        "description": row["description"],
        "last_payment_error": json.loads(row["last_error"]) if row["last_error"] else None,
        "latest_charge": charge_object(charge) if charge else row["latest_charge"],
        "livemode": False,
        "metadata": json.loads(row["metadata"]),
        "next_action": {"type": "use_stripe_sdk"} if status == "requires_action" else None,
        "payment_method": row["payment_method"],
        "status": status,
    }


def charge_object(row: Row) -> Body:
    succeeded = row["status"] == "succeeded"
    decline_code = row["decline_code"]
    return {
        "id": row["id"],
        "object": "charge",
        "amount": row["amount_minor"],
        "amount_captured": row["amount_minor"] if succeeded else 0,
        "amount_refunded": row["refunded_minor"],
        "captured": succeeded,
        "created": int(row["created_s"]),
        "currency": row["currency"],
        "description": row["description"],
        "failure_code": None if succeeded else "card_declined",
        "failure_message": None if succeeded else decline_message(decline_code),
        "livemode": False,
        "metadata": json.loads(row["metadata"]),
        "outcome": {
            "reason": decline_code,
            "type": "authorized" if succeeded else "issuer_declined",
        },
        "paid": succeeded,
        "payment_intent": row["intent"],
        "payment_method": row["payment_method"],
        "refunded": row["refunded_minor"] == row["amount_minor"],
        "status": row["status"],
    }


def refund_object(row: Row) -> Body:
    return {
        "id": row["id"],
        "object": "refund",
        "amount": row["amount_minor"],
        "charge": row["charge"],
        "created": int(row["created_s"]),
        "currency": row["currency"],
        "failure_reason": row["failure_reason"],
        "metadata": json.loads(row["metadata"]),
        "payment_intent": row["intent"],
        "reason": row["reason"],
        "status": row["status"],
    }


def dispute_object(row: Row) -> Body:
    return {
        "id": row["id"],
        "object": "dispute",
        "amount": row["amount_minor"],
        "charge": row["charge"],
        "created": int(row["created_s"]),
        "currency": row["currency"],
        "livemode": False,
        "metadata": {},
        "payment_intent": row["intent"],
        "reason": row["reason"],
        "status": row["status"],
    }


def event_object(row: Row) -> Body:
    return {
        "id": row["id"],
        "object": "event",
        "created": int(row["created_s"]),
        "data": {"object": json.loads(row["object"])},
        "livemode": False,
        "type": row["type"],
    }


def page_object(url: str, items: list[Body], *, has_more: bool) -> Body:
    return {"object": "list", "url": url, "has_more": has_more, "data": items}
