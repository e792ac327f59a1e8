"""What a person may decide where the rules could not: a pure function of the rows.

Each choice leads back through the protocol, so that a decision made in a hurry cannot do what a
worker could not. Nobody can write "failed" over a payment: ``STOP`` heads for the Cancel fence, and
``RECORD`` takes the gateway's own word, which the person names by its reference to show that they
looked. A choice that is not open says why, instead of being hidden.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from payments_app.domain.payment import Payment, PaymentStatus
from payments_app.domain.refund import Refund, RefundStatus

SUCCEEDED = "succeeded"


class Decision(StrEnum):
    ASK = "ask"
    RESUME = "resume"
    STOP = "stop"
    RECORD = "record"
    GIVE_UP = "give_up"


# These may charge, give back, or write down that money has moved: they ask for a second yes.
MOVES_MONEY = frozenset({Decision.RESUME, Decision.RECORD})


@dataclass(frozen=True, slots=True)
class Choice:
    """``refused`` says why it is not open now."""

    decision: Decision
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class IntentWord:
    """The gateway's last answer about a payment's intent, as it was recorded."""

    at: datetime
    outcome: str
    intent: str | None
    payment: str | None
    charge: str | None
    amount_minor: int | None
    captured_minor: int | None
    currency: str | None


@dataclass(frozen=True, slots=True)
class SeenRefund:
    """One refund of the intent, as the gateway's list showed it; ``refund`` is whose it says."""

    id: str
    status: str
    amount_minor: int
    currency: str
    refund: str | None


@dataclass(frozen=True, slots=True)
class RefundWord:
    """The gateway's last list of the intent's refunds.

    ``taken``: ids at the gateway that other refunds of ours own. ``all_sends_refused``: every
    answer to our own sends was a plain "no", so nothing of ours can be on its way.
    """

    at: datetime | None
    seen: Sequence[SeenRefund] = ()
    taken: frozenset[str] = frozenset()
    all_sends_refused: bool = False


def payment_choices(payment: Payment, word: IntentWord | None) -> list[Choice]:
    """What may be decided about a payment that needs a person; nothing in any other state."""
    if payment.status is not PaymentStatus.NEEDS_REVIEW:
        return []
    nothing_to_ask = None
    if payment.gateway_intent_id is None:
        nothing_to_ask = "No intent is stored, so there is nothing to ask about. Go on instead."
    return [
        Choice(Decision.ASK, nothing_to_ask),
        Choice(Decision.RESUME),
        Choice(Decision.STOP),
        Choice(Decision.RECORD, _why_no_capture(payment, word)),
    ]


def refund_choices(refund: Refund, word: RefundWord, now: datetime) -> list[Choice]:
    """What may be decided about a refund that needs a person; nothing in any other state."""
    if refund.status is not RefundStatus.NEEDS_REVIEW:
        return []
    stale = None
    known = refund.gateway_refund_id is not None
    if not known and refund.resend_until is not None and now >= refund.resend_until:
        stale = (
            "The gateway may have forgotten its key by now: sending it again could give the money"
            " back twice."
        )
    none_fits = None if fitting(refund, word) else "The gateway's last list shows none that fits."
    return [
        Choice(Decision.ASK),
        Choice(Decision.RESUME, stale),
        Choice(Decision.RECORD, none_fits),
        Choice(Decision.GIVE_UP, _why_not_given_up(refund, word)),
    ]


def fitting(refund: Refund, word: RefundWord) -> list[SeenRefund]:
    """Refunds at the gateway that may be this one: the same money, and nobody else's."""
    return [
        seen
        for seen in word.seen
        if seen.status == SUCCEEDED
        and (seen.amount_minor, seen.currency) == (refund.amount_minor, refund.currency)
        and seen.refund in (None, refund.id)
        and seen.id not in word.taken
    ]


def _why_no_capture(payment: Payment, word: IntentWord | None) -> str | None:
    if word is None or word.outcome != SUCCEEDED:
        return "The gateway's last word is not that it captured. Ask it again first."
    if word.intent != payment.gateway_intent_id or word.payment != payment.id:
        return "The gateway's last word is about somebody else's intent."
    if word.currency != payment.currency:
        return f"The gateway took {word.currency}: money of another currency settles no invoice."
    if not word.captured_minor or not word.charge:
        return "The gateway's last word names no charge or no amount. Ask it again first."
    return None


def _why_not_given_up(refund: Refund, word: RefundWord) -> str | None:
    """There is no fence for a refund, so it ends as failed only when nothing can still arrive."""
    if refund.gateway_refund_id is not None:
        return "The gateway has accepted it: only its own answer can end it."
    if fitting(refund, word):
        return "The gateway's list shows one that may be this. Record it instead."
    if refund.last_sent_at is None:
        return None
    if refund.listed_at is None or refund.listed_at <= refund.last_sent_at:
        return "The gateway's list was not read since it was sent. Ask first."
    if word.all_sends_refused:
        return None
    if refund.resend_until is None or refund.listed_at < refund.resend_until:
        return (
            "It may still be on its way. It can be given up when the list, read after its key has"
            " run out, does not show it."
        )
    return None
