"""Between the model and the code: a state of the model as rows, requests and answers, and back.

The model counts intents, charges and attempts; the code names them. Its bank loses patience after
two declines and the code's after four, so two older declines are put in front of the attempts.
"""

from datetime import datetime, timedelta
from typing import Any

from payments_app.domain.attempt import AttemptStatus, PaymentAttempt
from payments_app.domain.gateway_request import GatewayRequest, RequestStatus
from payments_app.domain.invoice import Invoice
from payments_app.domain.payment import Payment, PaymentStatus, StopReason
from payments_app.domain.steps import (
    CREATE_GRACE,
    DECLINES_MAX,
    Cancel,
    Confirm,
    Create,
    EndLocally,
    Get,
    Step,
    Wait,
)
from payments_app.gateway.port import (
    Decline,
    Instruction,
    IntentSeen,
    IntentStatus,
    Observation,
    Op,
    Rejected,
    Unknown,
    WrongState,
)
from tests.model import world
from tests.model.world import PAYMENT_FINAL, Answer, Attempt, Request, Row

AMOUNT_MINOR = 12_000
CURRENCY = "USD"
PAYMENT_ID = "pay_of_the_model"
EARLIER_DECLINES = DECLINES_MAX - world.DECLINES_MAX
OPS = {
    "create": Op.CREATE_INTENT,
    "get": Op.GET_INTENT,
    "confirm": Op.CONFIRM_INTENT,
    "cancel": Op.CANCEL_INTENT,
}
STEPS = {Create: "create", Get: "get", Cancel: "cancel", EndLocally: "end_locally", Wait: "wait"}
STOPS = {"": None, "cancel": StopReason.CANCEL_REQUESTED, "fail": StopReason.ATTEMPTS_SPENT}
SEEN = {
    "open": IntentStatus.REQUIRES_PAYMENT_METHOD,
    "action": IntentStatus.REQUIRES_ACTION,
    "processing": IntentStatus.PROCESSING,
    "succeeded": IntentStatus.SUCCEEDED,
    "canceled": IntentStatus.CANCELED,
}
DECLINE_CODES = {"soft": "insufficient_funds", "hard": "generic_decline"}
UNTIL_DEADLINE = (timedelta(hours=1), -timedelta(minutes=1), -CREATE_GRACE - timedelta(minutes=1))


def payment_of(row: Row, deadline: int, now: datetime, invoice: Invoice | None = None) -> Payment:
    """The payment that stands where the model's row does."""
    completed = row.status == "completed"
    return Payment(
        id=PAYMENT_ID,
        invoice_id=invoice.id if invoice else "inv_1",
        customer_id=invoice.customer_id if invoice else "cus_1",
        amount_minor=AMOUNT_MINOR,
        currency=CURRENCY,
        payment_method=_named("pm_card", row.card),
        gateway_intent_id=_named("pi", row.intent),
        status=PaymentStatus(row.status),
        intent_key_no=row.create_key,
        cancel_key_no=row.cancel_key,
        latest_charge=_named("ch", row.latest),
        must_look=row.look,
        stop_reason=STOPS[row.stop],
        deadline_at=now + UNTIL_DEADLINE[deadline],
        next_action_at=None if row.status in PAYMENT_FINAL else now,
        finished_at=now if row.status in PAYMENT_FINAL else None,
        captured_minor=AMOUNT_MINOR if completed else 0,
        refunded_minor=0,
        refund_reserved_minor=0,
        waits=0,
        attempts=_attempts_of(row, now),
    )


def row_of(payment: Payment, *, now: datetime, posts: int) -> Row:
    """The model's view of a payment."""
    status, intent = str(payment.status), _number(payment.gateway_intent_id)
    if payment.is_final:
        return Row(status, intent, sent=True, posts=posts)
    stop = payment.stop_reason
    return Row(
        status=status,
        intent=intent,
        create_key=payment.intent_key_no,
        cancel_key=payment.cancel_key_no,
        latest=_number(payment.latest_charge),
        look=payment.must_look,
        stop="" if stop is None else "cancel" if stop is StopReason.CANCEL_REQUESTED else "fail",
        sent=True,
        card=_number(payment.payment_method),
        attempts=tuple(_attempt(a, now) for a in payment.attempts[_earlier(payment.attempts) :]),
        posts=posts,
    )


def request_row_of(row: Row, request: Request) -> GatewayRequest:
    """What was asked, as it lies in the database."""
    key = None
    match request.key:
        case ("create", number):
            key = f"pay:{PAYMENT_ID}:intent:{number}"
        case ("cancel", number):
            key = f"pay:{PAYMENT_ID}:cancel:{number}"
        case ("confirm", number):
            key = f"att:{_attempt_id(number)}:confirm"
    return GatewayRequest(
        payment_id=PAYMENT_ID,
        attempt_id=_attempt_id(request.attempt) if request.attempt else None,
        op=OPS[request.op],
        key=key,
        target=_named("pi", request.intent),
        params={},
        fingerprint="",
        status=RequestStatus.SENT,
    )


def request_of(instruction: Instruction, payment: Payment) -> Request:
    """The model's view of an instruction."""
    earlier = _earlier(payment.attempts)
    op = next(name for name, known in OPS.items() if known is instruction.op)
    target = _number(instruction.target)
    if op == "get":
        return Request(op, intent=target)
    if op != "confirm":
        return Request(op, (op, int(str(instruction.key).rsplit(":", 1)[1])), target)
    keys = [attempt.key for attempt in payment.attempts]
    number = keys.index(str(instruction.key)) + 1 - earlier
    card = _number(instruction.params["payment_method"])
    return Request(op, ("confirm", number), target, card, number)


def observation_of(request: Request, answer: Answer) -> Observation:
    match answer[0]:
        case "seen":
            return _intent_seen(answer)
        case "unknown":
            return Unknown("read timed out")
        case "stored_error":
            return Unknown("HTTP 500", received=True)
        case "wrong_state":
            return WrongState("payment_intent_unexpected_state", "It is not in that state.")
        case "bad_card":
            return Rejected(400, "resource_missing", "No such card.", param="payment_method")
        case "strange":
            # Somebody else's intent, or ours with another amount.
            return _intent_seen(("seen", request.intent or 9, "succeeded", 9, ()), amount_minor=1)
    return Rejected(401, "authentication_error", "Invalid API key.")


def step_named(step: Step, payment: Payment) -> tuple[str, int]:
    """The model's name of a decision of the code."""
    if not isinstance(step, Confirm):
        return STEPS[type(step)], 0
    if step.attempt is None:
        return "confirm", 0
    return "confirm", payment.attempts.index(step.attempt) + 1 - _earlier(payment.attempts)


def _intent_seen(answer: Answer, *, amount_minor: int = AMOUNT_MINOR) -> IntentSeen:
    _, number, status, charge, decline = answer
    return IntentSeen(
        intent_id=f"pi_{number}",
        status=SEEN[status],
        amount_minor=amount_minor,
        currency=CURRENCY,
        payment=PAYMENT_ID,
        latest_charge=_named("ch", charge),
        captured_minor=AMOUNT_MINOR if status == "succeeded" else 0,
        decline=_decline(*decline) if decline else None,
    )


def _decline(charge: int, how: str) -> Decline:
    return Decline(DECLINE_CODES[how], f"The bank said no ({how}).", _named("ch", charge))


def _attempts_of(row: Row, now: datetime) -> list[PaymentAttempt]:
    if not row.attempts:
        return []
    earlier = [Attempt("declined")] * EARLIER_DECLINES
    return [
        PaymentAttempt(
            id=_attempt_id(number - EARLIER_DECLINES),
            n=number,
            **_attempt_values(attempt, number <= EARLIER_DECLINES, now),
        )
        for number, attempt in enumerate([*earlier, *row.attempts], start=1)
    ]


def _attempt_values(attempt: Attempt, is_earlier: bool, now: datetime) -> dict[str, Any]:  # noqa: FBT001
    declined = attempt.status == "declined"
    return {
        "status": AttemptStatus(attempt.status),
        "payment_method": _named("pm_card", attempt.card),
        "baseline_charge": _named("ch", attempt.baseline),
        "charge_id": "ch_earlier" if is_earlier else None,
        "decline_code": DECLINE_CODES["soft"] if declined else None,
        "key_spent": attempt.spent,
        "sent_at": now - timedelta(hours=2),
        "answered_at": now - timedelta(hours=2),
        "resend_until": now + timedelta(hours=-1 if attempt.old else 1),
    }


def _attempt(attempt: PaymentAttempt, now: datetime) -> Attempt:
    return Attempt(
        status=str(attempt.status),
        spent=attempt.key_spent,
        old=attempt.resend_until is not None and now >= attempt.resend_until,
        baseline=_number(attempt.baseline_charge),
        card=_number(attempt.payment_method),
    )


def _attempt_id(number: int) -> str:
    return f"att_{number}" if number > 0 else f"att_earlier_{-number}"


def _earlier(attempts: list[PaymentAttempt]) -> int:
    return sum(attempt.charge_id == "ch_earlier" for attempt in attempts)


def _named(prefix: str, number: int) -> str | None:
    return f"{prefix}_{number}" if number else None


def _number(name: str | None) -> int:
    return int(name.rsplit("_", 1)[1]) if name else 0
