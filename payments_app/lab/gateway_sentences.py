"""One sentence for each line of the gateway's journal and for each committed row of ours.

What the gateway did is told from its own journal, never from what a worker believes.
"""

from collections.abc import Iterator
from typing import Any

from payments_app.lab.event import Lane, Seen
from payments_app.lab.sentences import money

# Read-only questions: the worker's call and the reply say it all.
READS = frozenset({"get_intent", "list_refunds", "get_refund", "list_charges", "get_charge"})
SHOWN_MOVES = frozenset({"payment", "payment_attempt", "refund", "invoice"})
NAMES = {"payment_attempt": "attempt", "payment": "payment", "refund": "refund"}
MISBEHAVED = {
    "429": "answers 429, too many requests: nothing was executed.",
    "500": "answers 500.",
    "500_stored": "answers 500, and keeps that answer under the key.",
    "503": "answers 503.",
    "drop": "drops the connection: its answer is lost.",
    "reset": "resets the connection: its answer is lost.",
    "hang": "never answers this one.",
}


class JournalSentences:
    """Counts captures and refunds, so that the second one is seen to be the second."""

    def __init__(self) -> None:
        self.captures = 0
        self.refunds = 0

    def tell(self, at_s: float, entry: dict[str, Any]) -> Iterator[Seen]:
        match entry["what"]:
            case "captures":
                yield self._capture(at_s, entry)
            case "refunds":
                yield self._refund(at_s, entry)
            case _:
                yield from _request(at_s, entry)

    def _capture(self, at_s: float, entry: dict[str, Any]) -> Seen:
        self.captures += 1
        again = "" if self.captures == 1 else f" again: capture {self.captures}"
        text = f"The gateway takes {money(entry['amount_minor'])} from the card{again}."
        return Seen(at_s, Lane.GATEWAY, "capture", text, entry | {"count": self.captures})

    def _refund(self, at_s: float, entry: dict[str, Any]) -> Seen:
        self.refunds += 1
        again = "" if self.refunds == 1 else f" again: refund {self.refunds}"
        text = f"The gateway gives {money(entry['amount_minor'])} back{again}."
        return Seen(at_s, Lane.GATEWAY, "refund", text, entry | {"count": self.refunds})


def _request(at_s: float, entry: dict[str, Any]) -> Iterator[Seen]:
    kind_and_text = _what_became_of(entry)
    if kind_and_text is not None:
        yield Seen(at_s, Lane.GATEWAY, *kind_and_text, entry)
    if entry["fault"] in MISBEHAVED:
        text = f"The gateway {MISBEHAVED[entry['fault']]}"
        yield Seen(at_s + 0.0004, Lane.GATEWAY, "fault", text, entry)


def _what_became_of(entry: dict[str, Any]) -> tuple[str, str] | None:
    op, status = entry["op"], entry["status"]
    if entry["fault"] == "late":
        return _late(entry)
    if entry["replayed"]:
        return "replay", "The gateway knows this key: it repeats its first answer. No money moves."
    if status == 402:
        return "declined", "The bank declines the card."
    if op in READS or entry["fault"] in MISBEHAVED:
        return None
    if op == "create_intent" and entry["executed"]:
        return "note", "The gateway makes the intent. It can succeed once, and never twice."
    if op == "cancel_intent" and status == 200:
        return "note", "The intent is cancelled: from now on it can never capture."
    if status is not None and status >= 400:
        return "refused", f"The gateway refuses ({status}). No money moves."
    return None


def _late(entry: dict[str, Any]) -> tuple[str, str]:
    if entry["status"] is None and not entry["executed"]:
        return "fault", "The request is still under way: the network holds it, its sender gave up."
    if entry["replayed"] or (entry["status"] or 0) >= 400:
        return "refused", f"The late request arrives, and moves nothing ({entry['status']})."
    return "fault", "The late request arrives, and is executed."


def tell_row(at_s: float, row: dict[str, Any]) -> Seen | None:
    """A committed row of ours; None for one that the story does not need."""
    match row["what"]:
        case "move":
            return _move(at_s, row)
        case "ledger":
            if row["kind"] not in {"capture", "refund", "webhook"}:
                return None
            text = f"The ledger has it: {row['kind']} of {money(row['amount_minor'])}."
            return Seen(at_s, Lane.BOOKS, "ledger", text, row)
        case "mail":
            if row["kind"] == "receipt" and row["status"] in {"queued", "sent"}:
                text = f"The receipt is {row['status']}."
                return Seen(at_s, Lane.BOOKS, "mail", text, row)
    return None


def _move(at_s: float, row: dict[str, Any]) -> Seen | None:
    aggregate, state = row["aggregate"], row["to_state"]
    if aggregate == "invoice" and state == "paid":
        return Seen(at_s, Lane.BOOKS, "move", "The invoice is paid.", row)
    name = NAMES.get(aggregate)
    if name is None or row["from_state"] is None:
        return None
    words = {"unknown": "unknown: nobody knows yet", "not_executed": "known as not executed"}
    text = f"Our {name} is {words.get(state, state.replace('_', ' '))}."
    return Seen(at_s, Lane.BOOKS, "move", text, row)
