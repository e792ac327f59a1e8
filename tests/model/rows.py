"""What the protocol decides and records, said a second time in the model's own words.

The conformance tests compare both functions with the code, state by state: ``decide`` with
``domain.steps.next_step``, ``record`` with ``services.observations.apply_observation``. So the
model proves something about the code, and not about a memory of it.
"""

from typing import Any

from tests.model.world import (
    DECLINES_MAX,
    PAYMENT_FINAL,
    Answer,
    Attempt,
    Request,
    Row,
    Variant,
)

UNANSWERED = ("sent", "unknown")


def decide(row: Row, deadline: int) -> tuple[str, int]:
    """The next step of an open payment: its name and, for ``confirm``, the attempt (0: a new one).

    ``deadline``: 0 ahead, 1 passed, 2 passed by more than the grace for a lost Create.
    """
    stopping = bool(row.stop or deadline)
    if row.status == "needs_review":
        return ("get" if row.intent else "wait"), 0
    if not row.intent:
        must_ask = not stopping or (row.sent and deadline < 2)
        return ("create" if must_ask else "end_locally"), 0
    if row.look:
        return "get", 0
    if stopping:
        return "cancel", 0
    if not row.attempts:
        return "confirm", 0
    last = row.attempts[-1]
    if last.status in UNANSWERED:
        return "get", 0
    again = last.status == "not_executed" and not last.spent and not last.old
    return "confirm", len(row.attempts) if again else 0


def begin(row: Row, deadline: int) -> tuple[Row, Request | None]:
    """P: the row with the intention written down, and the request; None when it ended instead."""
    op, number = decide(row, deadline)
    if deadline and not row.stop and row.status != "needs_review":
        row = row._replace(stop="fail")
    if op == "end_locally":
        return end_unpaid(row), None
    status = "processing" if row.status == "pending" else row.status
    row = row._replace(status=status, sent=True)
    match op:
        case "create":
            return row, Request(op, ("create", row.create_key))
        case "get":
            return row, Request(op, intent=row.intent)
        case "cancel":
            return row, Request(op, ("cancel", row.cancel_key), row.intent)
    if number == 0:
        made = Attempt("sent", baseline=row.latest, card=row.card)
        row = row._replace(attempts=(*row.attempts, made))
        number = len(row.attempts)
    row = change(row, number, status="sent")
    card = row.attempts[number - 1].card
    return row, Request("confirm", ("confirm", number), row.intent, card, number)


def record(variant: Variant, row: Row, request: Request, answer: Answer) -> Row:
    """R: the row after the gateway's answer to ``request``, or after its silence."""
    match answer[0]:
        case "seen":
            return _seen(variant, row, request, answer)
        case "unknown":
            return _lose_sight(row, request)
        case "stored_error":
            return _lose_sight(_spend_key(row, request), request)
        case "wrong_state":
            row = _lose_sight(_spend_key(row, request), request)
            return row._replace(look=row.status not in PAYMENT_FINAL)
        case "strange":
            return _park(row)
    if row.status in PAYMENT_FINAL:
        return row
    row = _lose_sight(_spend_key(row, request), request)
    return _stop(row) if answer[0] == "bad_card" else _park(row)


def is_orphan(row: Row, request: Request, answer: Answer) -> bool:
    """Whether a created intent was not kept, so that a job of its own will cancel it."""
    return request.op == "create" and answer[0] == "seen" and row.intent != answer[1]


def end_unpaid(row: Row) -> Row:
    return _ended(row, "cancelled" if row.stop == "cancel" else "failed")


def change(row: Row, number: int, **values: Any) -> Row:
    """The row with one attempt changed; attempts of an ended payment are gone."""
    if not 0 < number <= len(row.attempts):
        return row
    changed = row.attempts[number - 1]._replace(**values)
    return row._replace(attempts=(*row.attempts[: number - 1], changed, *row.attempts[number:]))


def _seen(variant: Variant, row: Row, request: Request, answer: Answer) -> Row:
    _, intent, status, charge, decline = answer
    if request.op == "create":
        open_still = row.status not in PAYMENT_FINAL
        if open_still and (not row.intent or not variant.id_written_once):
            row = row._replace(intent=intent)
        if row.intent != intent:
            return row
    row = row._replace(look=False)
    if status == "succeeded":
        if variant.guarded and row.status == "completed":
            return row
        return _ended(row._replace(posts=row.posts + 1), "completed")
    if row.status in PAYMENT_FINAL:
        return row
    if status == "canceled":
        return end_unpaid(row)
    if row.status == "needs_review":
        return row
    match status:
        case "processing":
            # No fence while the bank works: look until it has come to an end.
            return row._replace(latest=charge or row.latest, look=True)
        case "action":
            return _stop(row)
    return _still_open(variant, row, request, charge, decline)


def _still_open(
    variant: Variant, row: Row, request: Request, charge: int, decline: tuple[int, str] | tuple[()]
) -> Row:
    number = request.attempt or len(row.attempts)
    row = row._replace(latest=charge or row.latest)
    if not number:
        return row
    attempt = row.attempts[number - 1]
    may_decline = attempt.status in (*UNANSWERED, "not_executed")
    declined_charge = decline[0] or charge if decline else 0
    direct = request.op == "confirm"
    if decline and may_decline and (declined_charge != attempt.baseline or direct):
        return _declined(variant, change(row, number, status="declined"), number, decline[1])
    if attempt.status in UNANSWERED and request.op != "confirm":
        return change(row, number, status="not_executed")
    return _lose_sight(row, request)


def _declined(variant: Variant, row: Row, number: int, how: str) -> Row:
    if number != len(row.attempts) or variant.ends == "never":
        return row
    declines = sum(attempt.status == "declined" for attempt in row.attempts)
    if how == "soft" and declines < DECLINES_MAX:
        return row
    return end_unpaid(row) if variant.ends == "at_once" else _stop(row)


def _spend_key(row: Row, request: Request) -> Row:
    if row.status in PAYMENT_FINAL:
        return row  # No key of an ended payment is used again.
    match request.op:
        case "create" if request.key == ("create", row.create_key):
            return row._replace(create_key=row.create_key + 1)
        case "cancel" if request.key == ("cancel", row.cancel_key):
            return row._replace(cancel_key=row.cancel_key + 1)
        case "confirm":
            return change(row, request.attempt, spent=True)
    return row


def _lose_sight(row: Row, request: Request) -> Row:
    number = request.attempt
    if 0 < number <= len(row.attempts) and row.attempts[number - 1].status == "sent":
        return change(row, number, status="unknown")
    return row


def _park(row: Row) -> Row:
    return row if row.status in PAYMENT_FINAL else row._replace(status="needs_review")


def _stop(row: Row) -> Row:
    return row if row.stop else row._replace(stop="fail")


def _ended(row: Row, status: str) -> Row:
    # What only an open payment needs is dropped, so that ends are few.
    return Row(status, row.intent, sent=True, posts=row.posts)
