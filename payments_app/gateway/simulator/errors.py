"""Stripe's error bodies, one constructor per kind: type, code, parameter and status as it has them.

The adapter decides about money from these, so they are kept apart from the logic that raises them.
"""

from payments_app.gateway.simulator.values import Answer, Body, Refusal

DECLINE_MESSAGES = {
    "insufficient_funds": "Your card has insufficient funds.",
    "generic_decline": "Your card was declined.",
}


def error(kind: str, message: str, **details: object) -> Body:
    """The envelope; a detail that is None is left out, as on the wire."""
    shown = {name: value for name, value in details.items() if value is not None}
    return {"error": {"type": kind, "message": message, **shown}}


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> Refusal:
    return Refusal(400, error("invalid_request_error", message, param=param, code=code))


def missing(kind: str, wanted: str, *, param: str = "id", status: int = 404) -> Refusal:
    message = f"No such {kind}: '{wanted}'"
    return Refusal(
        status, error("invalid_request_error", message, param=param, code="resource_missing")
    )


def bad_key(message: str) -> Refusal:
    return Refusal(401, error("invalid_request_error", message))


def key_reused(key: str, message: str) -> Refusal:
    return Refusal(400, error("idempotency_error", f"{message} (key '{key}')"))


def key_in_use(key: str | None) -> Refusal:
    message = f"There is currently another in-progress request using this Idempotent Key: '{key}'"
    body = error("invalid_request_error", message, code="idempotency_key_in_use")
    return Refusal(409, body)


def rate_limited(retry_after_s: int = 1) -> Refusal:
    message = "Request rate limit exceeded. Slow down and try the same request again."
    body = error("invalid_request_error", message, code="rate_limit")
    return Refusal(429, body, {"Retry-After": str(retry_after_s)})


def unexpected_state(intent: Body, verb: str) -> Answer:
    """A 400 that *was* executed: it is stored under the key, and shows the intent."""
    message = f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}."
    body = error(
        "invalid_request_error",
        message,
        code="payment_intent_unexpected_state",
        payment_intent=intent,
    )
    return Answer(400, body, executed=True)


def server_error() -> Body:
    return error("api_error", "An error occurred internally. We have been notified.")


def decline_message(decline_code: str) -> str:
    return DECLINE_MESSAGES.get(decline_code, DECLINE_MESSAGES["generic_decline"])
