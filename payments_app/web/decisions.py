"""The words of decisions: what each does, what it asks, and what is said when it is done."""

from payments_app.domain.review import Decision

_D = Decision

# What a decision is called, and what it leads to: of a payment, and of a refund.
OF_PAYMENT = {
    _D.ASK: ("Ask the gateway again", "Reads the intent once more. Nothing else happens."),
    _D.RESUME: (
        "Go on",
        (
            "The cause is mended: the payment goes on where it stood. It looks first, and may"
            " charge the card, once."
        ),
    ),
    _D.STOP: (
        "Stop it",
        (
            "The gateway is asked to cancel. It ends as cancelled only if the gateway says so; if"
            " it captured first, it is completed."
        ),
    ),
    _D.RECORD: (
        "Record what the gateway captured",
        (
            "Completes the payment with the amount that the gateway took, settles the invoice by"
            " it and sends the receipt. Needs the charge’s id."
        ),
    ),
}
OF_REFUND = {
    _D.ASK: ("Read the gateway’s list again", "Looks for this refund. Nothing else happens."),
    _D.RESUME: (
        "Go on",
        (
            "The cause is mended: the list is read, and if the refund is not in it, it is sent"
            " again under the same key."
        ),
    ),
    _D.RECORD: (
        "Record a refund that the gateway made",
        (
            "Completes it with a refund of the gateway’s list, such as one made by hand in its"
            " dashboard. Needs its id."
        ),
    ),
    _D.GIVE_UP: (
        "Give it up",
        (
            "Ends it as failed and releases the amount, so that it can be refunded anew. Only when"
            " nothing of it can still arrive."
        ),
    ),
}
DONE = {
    _D.ASK: "The gateway is being asked now.",
    _D.RESUME: "It goes on.",
    _D.STOP: "The gateway is being asked to cancel. Its answer decides.",
    _D.RECORD: "Recorded.",
    _D.GIVE_UP: "Given up. The amount can be refunded anew.",
}

_PARKED = {
    "intent_mismatch": "the gateway showed another intent, amount or owner than we asked for",
    "captured_amount_mismatch": "the gateway took another amount than we asked for",
    "refund_mismatch": "the gateway showed another refund or amount than we asked for",
    "key_expired": "there was no answer for a day, and the gateway may have forgotten the request",
}
_REFUSED = "gateway_rejected:"


def why_parked(reason: str | None) -> str:
    """Why the rules stopped, in words."""
    if reason is None:
        return "no reason was given"
    if reason.startswith(_REFUSED):
        return f"the gateway refused our request ({reason.removeprefix(_REFUSED)})"
    return _PARKED.get(reason, reason)
