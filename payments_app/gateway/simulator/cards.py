"""The test cards, as a table: what the bank will say to each, and how the answer travels.

A card is named by its ``payment_method`` string. Stripe's own names are accepted beside the short
ones. Times are real seconds for how an answer travels, gateway seconds for when money settles.
"""

from dataclasses import dataclass
from enum import StrEnum

from payments_app.gateway.simulator.errors import invalid, missing
from payments_app.gateway.simulator.values import Body

SLOW_S = 3.0
SETTLES_AFTER_S = 10.0


class Bank(StrEnum):
    APPROVES = "approves"
    DECLINES = "declines"
    CHALLENGES = "challenges"
    SETTLES_LATER = "settles_later"


class RefundFate(StrEnum):
    """What becomes of a refund to this card: as it is told at first, and after a while."""

    SUCCEEDS = "succeeded"
    SUCCEEDS_LATER = "pending, then succeeded"
    FAILS_LATER = "pending, then failed"
    BOUNCES = "succeeded, then failed"


@dataclass(frozen=True, slots=True)
class Card:
    """``waits_s`` passes before anything is executed; ``silent`` executes and never answers.

    ``disputed``: the cardholder disputes the charge as soon as it is made.
    """

    bank: Bank
    decline_code: str | None = None
    waits_s: float = 0.0
    silent: bool = False
    webhook_copies: int = 1
    refund: RefundFate = RefundFate.SUCCEEDS
    disputed: bool = False


VISA = Card(Bank.APPROVES)
HARD_DECLINE = Card(Bank.DECLINES, decline_code="generic_decline")
SOFT_DECLINE = Card(Bank.DECLINES, decline_code="insufficient_funds")

CARDS = {
    "pm_card_visa": VISA,
    "pm_card_mastercard": VISA,
    "pm_card_visa_chargeDeclined": HARD_DECLINE,
    "pm_card_chargeDeclined": HARD_DECLINE,
    "pm_card_insufficientFunds": SOFT_DECLINE,
    "pm_card_visa_chargeDeclinedInsufficientFunds": SOFT_DECLINE,
    "pm_card_slow": Card(Bank.APPROVES, waits_s=SLOW_S),
    "pm_card_timeoutThenCaptured": Card(Bank.APPROVES, silent=True),
    "pm_card_duplicateWebhook": Card(Bank.APPROVES, webhook_copies=2),
    "pm_card_authenticationRequired": Card(Bank.CHALLENGES),
    "pm_card_processing": Card(Bank.SETTLES_LATER),
    "pm_card_pendingRefund": Card(Bank.APPROVES, refund=RefundFate.SUCCEEDS_LATER),
    "pm_card_pendingRefundFails": Card(Bank.APPROVES, refund=RefundFate.FAILS_LATER),
    "pm_card_refundFail": Card(Bank.APPROVES, refund=RefundFate.BOUNCES),
    "pm_card_createDispute": Card(Bank.APPROVES, disputed=True),
}


def named(params: Body, *, required: bool) -> str | None:
    """The card that the parameters name, checked; None when there is none and none is needed."""
    name = params.get("payment_method")
    if name is None and not required:
        return None
    if name is None:
        message = "Missing required param: payment_method."
        raise invalid(message, param="payment_method", code="parameter_missing")
    if name not in CARDS:
        raise missing("PaymentMethod", str(name), param="payment_method", status=400)
    return str(name)
