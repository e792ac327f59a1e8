"""The words, tones and icons of every state: text and shape first, colour only after them."""

from typing import NamedTuple


class Chip(NamedTuple):
    text: str
    tone: str
    icon: str


_NEUTRAL, _INFO, _PROG = "neutral", "info", "prog"
_OK, _WARN, _BAD, _REPLAY = "ok", "warn", "bad", "replay"

CHIPS: dict[str, dict[str, Chip]] = {
    "invoice": {
        "draft": Chip("Draft", _NEUTRAL, "dot"),
        "sending": Chip("Sending", _PROG, "arc"),
        "open": Chip("Open", _INFO, "ring"),
        "overdue": Chip("Overdue", _WARN, "triangle"),
        "partly_paid": Chip("Partly paid", _WARN, "triangle"),
        "paid": Chip("Paid", _OK, "tick"),
        "void": Chip("Void", _NEUTRAL, "slash"),
        "uncollectible": Chip("Uncollectible", _BAD, "cross"),
    },
    "payment": {
        "pending": Chip("Pending", _INFO, "ring"),
        "processing": Chip("Processing", _PROG, "arc"),
        "unknown": Chip("Confirming", _WARN, "triangle"),
        "waiting": Chip("Card declined, waiting", _WARN, "triangle"),
        "completed": Chip("Completed", _OK, "tick"),
        "failed": Chip("Failed", _BAD, "cross"),
        "cancelled": Chip("Cancelled", _NEUTRAL, "slash"),
        "needs_review": Chip("Needs review", _WARN, "triangle"),
    },
    "refund": {
        "requested": Chip("Requested", _INFO, "ring"),
        "processing": Chip("Processing", _PROG, "arc"),
        "completed": Chip("Completed", _OK, "tick"),
        "failed": Chip("Failed", _BAD, "cross"),
        "needs_review": Chip("Needs review", _WARN, "triangle"),
    },
    "delivery": {
        "pending": Chip("Pending", _PROG, "arc"),
        "delivered": Chip("Delivered", _OK, "tick"),
        "exhausted": Chip("Given up", _BAD, "cross"),
        "disabled": Chip("Not sent", _NEUTRAL, "slash"),
    },
    "dispute": {
        "open": Chip("Disputed", _BAD, "triangle"),
        "won": Chip("Won", _OK, "tick"),
        "lost": Chip("Lost", _BAD, "cross"),
    },
    "job": {
        "available": Chip("Available", _INFO, "ring"),
        "scheduled": Chip("Scheduled", _NEUTRAL, "dot"),
        "executing": Chip("Executing", _PROG, "arc"),
        "retryable": Chip("Retryable", _WARN, "triangle"),
        "suspended": Chip("Suspended", _NEUTRAL, "pause"),
        "completed": Chip("Completed", _OK, "tick"),
        "cancelled": Chip("Cancelled", _NEUTRAL, "slash"),
        "discarded": Chip("Discarded", _BAD, "cross"),
    },
    "queue": {
        "active": Chip("Active", _OK, "tick"),
        "paused": Chip("Paused", _WARN, "pause"),
    },
    "worker": {
        "alive": Chip("Alive", _OK, "tick"),
        "draining": Chip("Draining", _WARN, "pause"),
        "lost": Chip("Lost", _BAD, "cross"),
    },
    "user": {
        "active": Chip("Active", _OK, "tick"),
        "disabled": Chip("Disabled", _NEUTRAL, "slash"),
    },
    "api_key": {
        "active": Chip("Active", _OK, "tick"),
        "revoked": Chip("Revoked", _NEUTRAL, "slash"),
    },
    "email": {
        "queued": Chip("Queued", _INFO, "ring"),
        "sending": Chip("Sending", _PROG, "arc"),
        "sent": Chip("Sent", _OK, "tick"),
        "bounced": Chip("Bounced", _BAD, "cross"),
    },
    "invariant": {
        "holds": Chip("Holds", _OK, "tick"),
        "fails": Chip("Fails", _BAD, "cross"),
        "unchecked": Chip("Not checked", _WARN, "triangle"),
    },
    "break": {
        "open": Chip("Open", _WARN, "triangle"),
        "resolved": Chip("Resolved", _OK, "tick"),
    },
    "check": {
        "pass": Chip("Balanced", _OK, "tick"),
        "fail": Chip("Does not balance", _BAD, "cross"),
    },
}

# The icon of a tone, where a row has a tone but no state: the timeline, notices.
TONE_ICONS = {
    _NEUTRAL: "dot",
    _INFO: "ring",
    _PROG: "arc",
    _OK: "tick",
    _WARN: "triangle",
    _BAD: "cross",
    _REPLAY: "replay",
}


def chip(kind: str, state: str) -> Chip:
    """How a state is shown. An unknown one is shown as it is, never hidden."""
    return CHIPS[kind].get(state) or Chip(state.replace("_", " ").capitalize(), _NEUTRAL, "dot")
