"""One plain sentence on what is going on with a payment, for us and for its customer.

What is not known is never called a failure, and nobody is asked to pay again while money may have
moved.
"""

from payments_app.domain.payment import Payment, StopReason
from payments_app.web.decisions import why_parked

UNKNOWN = "We are confirming with the bank. Do not pay again: you will not be charged twice."

_DECLINES = {
    "insufficient_funds": "The card has not enough money on it.",
    "card_declined": "The bank declined the card.",
    "generic_decline": "The bank declined the card.",
    "expired_card": "The card has expired.",
    "lost_card": "The bank declined the card.",
    "stolen_card": "The bank declined the card.",
}
_STOPS = {
    StopReason.CANCEL_REQUESTED: "It was cancelled.",
    StopReason.DEADLINE: "It was not finished in time.",
    StopReason.HARD_DECLINE: "The bank declined the card.",
    StopReason.ATTEMPTS_SPENT: "The bank declined the card several times.",
    StopReason.AUTHENTICATION_REQUIRED: "The bank wants the cardholder to confirm in person.",
    StopReason.INVALID_CARD: "The gateway does not know this card.",
}


def decline_reason(payment: Payment) -> str:
    """Why the last attempt, or the payment, did not go through."""
    attempt = payment.last_attempt
    code = (attempt.decline_code if attempt is not None else None) or payment.failure_code or ""
    if code in _DECLINES:
        return _DECLINES[code]
    if payment.stop_reason is not None:
        return _STOPS[payment.stop_reason]
    return "The bank declined the card."


def about_payment(payment: Payment, state: str) -> str:
    """For us: what is happening, and what happens next by itself."""
    if payment.stop_reason is StopReason.CANCEL_REQUESTED and not payment.is_final:
        return "A cancel was requested. The gateway is being asked; its answer decides."
    match state:
        case "pending":
            return "The payment is stored together with its job. A worker will take it in a moment."
        case "processing":
            return "The gateway is being asked to charge the card."
        case "unknown":
            return (
                "The last answer was lost, so money may have moved. The gateway is asked before "
                "anything else happens: the customer will not be charged twice."
            )
        case "waiting":
            return (
                f"{decline_reason(payment)} It is tried again by itself; the customer may use "
                "another card meanwhile."
            )
        case "completed" if payment.refunded_minor == payment.captured_minor:
            return "The card was charged once, and all of it was given back."
        case "completed":
            return "The card was charged once, and the invoice is settled by it."
        case "failed":
            return f"{decline_reason(payment)} The gateway confirmed that nothing was charged."
        case "cancelled":
            return "The gateway confirmed that this payment can never be charged."
        case _:
            return f"A person must decide: {why_parked(payment.review_reason)}."


def for_customer(payment: Payment, state: str) -> str:
    """For the customer on the hosted page."""
    match state:
        case "pending" | "processing":
            return "Your payment is on its way. This page shows when it is done."
        case "unknown" | "needs_review":
            return UNKNOWN
        case "waiting":
            return f"{decline_reason(payment)} Nothing was charged. You can use another card."
        case "completed":
            return "Thank you. Your card was charged once."
        case "failed":
            return f"{decline_reason(payment)} Nothing was charged. You can pay again."
        case _:
            return "This payment was cancelled. Nothing was charged."
