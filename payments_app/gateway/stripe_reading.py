"""Reading what Stripe wrote: bodies to observations, and a table for the errors.

Everything here is about values, so each row can be tested without a network. A body that is not
what it should be (HTML, half a JSON, an object of another kind) is ``Unknown`` whatever its status
says: a page of a hotel's network also answers 200.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from payments_app.gateway.port import (
    Busy,
    Decline,
    IntentSeen,
    IntentStatus,
    Observation,
    RefundSeen,
    RefundStatus,
    Rejected,
    Unknown,
    WrongState,
)
from payments_app.gateway.stripe_reply import Reply

# How long to wait where the answer does not say: a bucket refills fast, a request in flight may
# take as long as its bank does.
RETRY_LIMITED_S = 1.0
RETRY_IN_USE_S = 2.0
# Stripe's ids and codes are shorter, its messages too; amounts are what a bigint column holds.
NAME_MAX = 255
MESSAGE_MAX = 500
AMOUNT_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RefundPage:
    refunds: tuple[RefundSeen, ...]
    has_more: bool


def read_intent(reply: Reply) -> Observation:
    return _intent(reply, reply.body) or reply.not_understood()


def read_refund(reply: Reply) -> Observation:
    return _refund(reply, reply.body) or reply.not_understood()


def read_refunds(reply: Reply) -> RefundPage | Unknown:
    body = reply.body or {}
    items, has_more = body.get("data"), body.get("has_more")
    if body.get("object") != "list" or not isinstance(items, list) or has_more is None:
        return reply.not_understood()
    refunds = [_refund(reply, item) for item in items]
    known = tuple(refund for refund in refunds if refund is not None)
    if len(known) < len(refunds) or (has_more and not known):
        return reply.not_understood()
    return RefundPage(known, bool(has_more))


def read_error(reply: Reply) -> Observation:
    """Look the answer up in ``ERRORS``: the first row that matches decides."""
    error = reply.error
    if error is None:
        return reply.not_understood()
    for status, value, observe in ERRORS:
        matches_value = value is None or value in (error.get("code"), error.get("type"))
        if reply.status in status and matches_value:
            return observe(reply, error)
    return reply.not_understood()


def _declined(reply: Reply, error: Mapping[str, Any]) -> Observation:
    # A decline belongs to an intent. One that does not show it may be of anything: look first.
    seen = _intent(reply, error.get("payment_intent"), error=error)
    return seen or WrongState(_code(error), _message(error))


def _limited(reply: Reply, error: Mapping[str, Any]) -> Observation:
    return Busy(reply.retry_after_s or RETRY_LIMITED_S, f"rate limited: {_message(error)}")


def _in_use(reply: Reply, error: Mapping[str, Any]) -> Observation:
    reason = f"in progress: {_message(error)}"
    return Busy(reply.retry_after_s or RETRY_IN_USE_S, reason, executing=True)


def _wrong_state(_: Reply, error: Mapping[str, Any]) -> Observation:
    return WrongState(_code(error), _message(error))


def _rejected(reply: Reply, error: Mapping[str, Any]) -> Observation:
    return Rejected(reply.status, _code(error), _message(error), _text_or_none(error.get("param")))


def _failed(reply: Reply, error: Mapping[str, Any]) -> Observation:
    reason = f"HTTP {reply.status}: {_message(error)}"
    return Unknown(reason, received=True, replayed=reply.replayed)


# Status, the error's code or type (None: any), what it means. Read from the top.
ERRORS: tuple[
    tuple[range | frozenset[int], str | None, Callable[[Reply, Mapping[str, Any]], Observation]],
    ...,
] = (
    (frozenset({402}), None, _declined),
    (frozenset({429}), None, _limited),
    (frozenset({400}), "rate_limit", _limited),
    (frozenset({409}), None, _in_use),
    (frozenset({400}), "idempotency_error", _rejected),
    (frozenset({400}), "payment_intent_unexpected_state", _wrong_state),
    (range(400, 500), None, _rejected),
    (range(500, 600), None, _failed),
)


def _intent(
    reply: Reply, body: object, *, error: Mapping[str, Any] | None = None
) -> IntentSeen | None:
    if not isinstance(body, dict) or body.get("object") != "payment_intent":
        return None
    charge = body.get("latest_charge")
    charge_id = _text_or_none(charge.get("id") if isinstance(charge, dict) else charge)
    try:
        return IntentSeen(
            intent_id=text(body["id"]),
            status=IntentStatus(body["status"]),
            amount_minor=minor(body["amount"]),
            currency=text(body["currency"]).upper(),
            payment=_text_or_none(_metadata(body).get("payment")),
            latest_charge=charge_id,
            captured_minor=minor(body.get("amount_received") or 0),
            decline=_decline(error or body.get("last_payment_error"), charge_id),
            replayed=reply.replayed,
            server_time=reply.server_time,
        )
    except (KeyError, TypeError, ValueError):
        return None


def _refund(reply: Reply, body: object) -> RefundSeen | None:
    if not isinstance(body, dict) or body.get("object") != "refund":
        return None
    intent = body.get("payment_intent")
    try:
        return RefundSeen(
            refund_id=text(body["id"]),
            status=RefundStatus(body["status"]),
            amount_minor=minor(body["amount"]),
            currency=text(body["currency"]).upper(),
            intent_id=_text_or_none(intent.get("id") if isinstance(intent, dict) else intent),
            refund=_text_or_none(_metadata(body).get("refund")),
            failure_reason=_text_or_none(body.get("failure_reason")),
            replayed=reply.replayed,
            server_time=reply.server_time,
        )
    except (KeyError, TypeError, ValueError):
        return None


def _decline(error: object, charge_id: str | None) -> Decline | None:
    if not isinstance(error, Mapping):
        return None
    code = _text_or_none(error.get("decline_code")) or _code(error)
    return Decline(code, _message(error), _text_or_none(error.get("charge")) or charge_id)


def _code(error: Mapping[str, Any]) -> str:
    named = (_text_or_none(error.get(field)) for field in ("code", "type"))
    return next(filter(None, named), "unknown_error")


def _message(error: Mapping[str, Any]) -> str:
    message = error.get("message")
    shown = message if isinstance(message, str) else ""
    return "".join(filter(str.isprintable, shown))[:MESSAGE_MAX]


def _metadata(body: Mapping[str, Any]) -> Mapping[str, object]:
    found = body.get("metadata")
    return found if isinstance(found, dict) else {}


def text(value: object) -> str:
    # What is read here is stored, and a NUL or half a surrogate would fail that transaction:
    # a fact that cannot be recorded would be asked for again and again.
    found = _text_or_none(value)
    if found is None:
        raise TypeError(f"{value!r} is no name")
    return found


def _text_or_none(value: object) -> str | None:
    good = isinstance(value, str) and value.isprintable() and 0 < len(value) <= NAME_MAX
    return str(value) if good else None


def minor(value: object) -> int:
    # A float or a text here would become money by a silent conversion.
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= AMOUNT_MAX:
        raise TypeError(f"{value!r} is no amount in minor units")
    return value
