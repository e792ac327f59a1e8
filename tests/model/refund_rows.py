"""What the refund protocol decides and records, in the model's own words.

Times are kept as orders: ``listed`` says that the list was asked for after the last send, and
``old`` that the key is past its ``resend_until``.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

REFUND_FINAL = ("completed", "failed")

# "seen" with a status, "listed" with the status of ours ("" when absent), or only "unknown",
# "limited" (429), "in_use" (409), "refused" (an answer: no), "rejected" (our request is wrong).
Answer = tuple[Any, ...]


class Refund(NamedTuple):
    """One refund's row."""

    status: str = "requested"
    sends: int = 0
    turn: int = 0  # the model's own count of sends, which never goes back
    listed: bool = False
    refused: bool = False
    old: bool = False
    known: bool = False  # the gateway's id is stored


class Request(NamedTuple):
    op: str
    refund: int
    key: int = 0
    # The turn in which it was asked: a list says nothing about later sends.
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Variant:
    """Ours by default. Each flag takes one of its rules away."""

    lists: bool = True  # look before sending again
    new_key: bool = False  # a new key for every send
    in_use_is_unsent: bool = False  # take 409 for "never sent", as 429 is
    old_lists_count: bool = False  # also a list asked for before the last send
    refusal_is_quiet: bool = False  # after a "no", forget that other sends may be under way


OURS = Variant()


def decide(row: Refund, variant: Variant = OURS) -> str:
    """The next step of an open refund; ``list`` may have to wait for quiet."""
    if row.known:
        return "get"
    if row.status == "needs_review":
        return "list"
    if not row.sends:
        return "create"
    if not row.listed and (variant.lists or row.refused):
        return "list"
    return "park" if row.old else "create"


def needs_quiet(row: Refund, variant: Variant = OURS) -> bool:
    """Whether a send may still be on its way, so that the list has to wait."""
    answered = row.refused and (row.sends == 1 or variant.refusal_is_quiet)
    return row.status != "needs_review" and not answered


def begin(row: Refund, op: str) -> Refund:
    if op == "park":
        return row._replace(status="needs_review")
    status = "processing" if row.status == "requested" else row.status
    row = row._replace(status=status)
    if op == "create":
        row = row._replace(sends=row.sends + 1, turn=row.turn + 1, listed=False)
    return row


def record(row: Refund, request: Request, answer: Answer, variant: Variant = OURS) -> Refund:
    if row.status in REFUND_FINAL:
        return row
    match answer:
        case ("seen", status) | ("listed", status) if status:
            return _seen(row, status)
        case ("listed", ""):
            is_old = row.sends > 0 and request.turn != row.turn
            if is_old and not variant.old_lists_count and row.status != "needs_review":
                return row  # It says nothing about the last send.
            if row.status == "needs_review":
                return row._replace(listed=True)
            return _ended("failed") if row.refused else row._replace(listed=True)
        case ("in_use",) if not variant.in_use_is_unsent:
            return row
        case ("limited",) | ("in_use",):
            # Not taken. If it was the only send there was, it is as if there had been none.
            only = request.op == "create" and row.sends == 1
            return row._replace(sends=0) if only else row
        case ("refused",) if request.op == "create":
            return row._replace(refused=True, listed=False)
        case ("refused",) | ("rejected",):
            return row._replace(status="needs_review")
    return row


def _seen(row: Refund, status: str) -> Refund:
    match status:
        case "succeeded":
            return _ended("completed")
        case "failed":
            return _ended("failed")
    return row._replace(known=True)


def _ended(status: str) -> Refund:
    return Refund(status)
