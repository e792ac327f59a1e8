"""What the business says to a payment gateway, and what it can hear back.

An *instruction* is a value: it is made and committed inside a transaction, and sent after that
transaction has ended, so no row lock ever waits for a bank. An *observation* is a value too: what
the gateway told us, however it arrived (response, webhook, poll, reconciliation).

The one rule that everything rests on: **a decline is an answer, silence is not.** A timeout, a
reset, a page of HTML or a 5xx is ``Unknown``: money may have moved. Only an answer that we
understood is a fact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol


class Op(StrEnum):
    """The operations of the gateway that the protocol uses."""

    CREATE_INTENT = "create_intent"
    GET_INTENT = "get_intent"
    CONFIRM_INTENT = "confirm_intent"
    CANCEL_INTENT = "cancel_intent"
    CREATE_REFUND = "create_refund"
    GET_REFUND = "get_refund"
    LIST_REFUNDS = "list_refunds"
    LIST_DISPUTES = "list_disputes"


READS = frozenset({Op.GET_INTENT, Op.GET_REFUND, Op.LIST_REFUNDS, Op.LIST_DISPUTES})


class IntentStatus(StrEnum):
    """The gateway's own states of an intent (names as Stripe writes them)."""

    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class RefundStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


class DisputeStatus(StrEnum):
    """What became of a dispute; ``WARNING`` is an inquiry, for which no money has moved."""

    WARNING = "warning"
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One question to the gateway, as it was committed; safe to hold while no transaction is open.

    ``params`` is the request body exactly as stored, re-sent unchanged under the same ``key``.
    ``target`` is the intent's or refund's id at the gateway, where the operation needs one.
    """

    request_id: str
    op: Op
    key: str | None = None
    target: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decline:
    """The bank said no to one charge. ``code`` is the decline code where there is one."""

    code: str
    message: str
    charge_id: str | None = None


@dataclass(frozen=True, slots=True)
class IntentSeen:
    """The gateway showed us an intent. Amounts in minor units; currency upper case, ISO 4217.

    ``payment`` is the ``payment`` entry of the intent's metadata: whose intent it says it is.
    ``latest_charge`` names the newest charge, successful or not; ``decline`` is why it failed.
    ``server_time`` is the gateway's own clock (Unix seconds of its Date header) when it answered.
    """

    intent_id: str
    status: IntentStatus
    amount_minor: int
    currency: str
    payment: str | None
    latest_charge: str | None = None
    captured_minor: int = 0
    decline: Decline | None = None
    replayed: bool = False
    server_time: float | None = None


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """The gateway showed us a refund. ``refund`` is the ``refund`` entry of its metadata."""

    refund_id: str
    status: RefundStatus
    amount_minor: int
    currency: str
    intent_id: str | None
    refund: str | None
    failure_reason: str | None = None
    replayed: bool = False
    server_time: float | None = None


@dataclass(frozen=True, slots=True)
class RefundsListed:
    """Every refund that the gateway has for one intent, newest first."""

    intent_id: str
    refunds: tuple[RefundSeen, ...]
    server_time: float | None = None


@dataclass(frozen=True, slots=True)
class DisputeSeen:
    """The gateway showed us a dispute: the cardholder's bank took a charge back."""

    dispute_id: str
    status: DisputeStatus
    amount_minor: int
    currency: str
    reason: str


@dataclass(frozen=True, slots=True)
class DisputesListed:
    """Every dispute that the gateway has for one intent, newest first."""

    intent_id: str
    disputes: tuple[DisputeSeen, ...]


@dataclass(frozen=True, slots=True)
class Busy:
    """Not executed now: rate limited (429), or another request with this key is under way (409).

    Wait ``retry_after_s`` seconds, then ask again with the same key; no budget is spent.
    ``executing``: the other request with this key may yet have its effect.
    """

    retry_after_s: float
    reason: str
    executing: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """The gateway understood us and refused (401, 404, other 4xx): asking again changes nothing.

    ``code`` is the gateway's own error code or type, for example ``idempotency_error``; ``param``
    names the parameter that is at fault, where it says so.
    """

    http_status: int
    code: str
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class WrongState:
    """The intent was not in a state that allows the operation: look at it before deciding."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer that we could understand: money may have moved. Ask the gateway, never assume.

    ``received`` says that a 5xx answer with a JSON error body did arrive: the gateway stores such
    an answer under the key, so asking again with that key would only replay it. ``replayed``: this
    was such a replay, so nothing can come of the key any more.
    """

    reason: str
    received: bool = False
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """No connection could be made, so no byte of the request left: safe to ask again."""

    reason: str


Observation = (
    IntentSeen
    | RefundSeen
    | RefundsListed
    | DisputesListed
    | Busy
    | Rejected
    | WrongState
    | Unknown
    | NotSent
)


class Gateway(Protocol):
    """The port. One method: every operation is an instruction, every outcome an observation."""

    def send(self, instruction: Instruction) -> Observation:
        """Send one request, once, without retries of its own. Never raises for what the network
        or the gateway does: absence of an answer is ``Unknown`` or ``NotSent``."""
        ...
