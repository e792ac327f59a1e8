"""The intention: decide the next step under lock and write down what will be asked.

``begin`` commits before any byte leaves, so whoever finds an attempt ``sent`` after a crash knows
that the bank may have been asked, and asks the gateway before it does anything else.
"""

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from payments_app import clock
from payments_app.domain.attempt import AttemptStatus, PaymentAttempt
from payments_app.domain.gateway_request import RESEND_FOR, GatewayRequest
from payments_app.domain.payment import Payment, PaymentStatus, StopReason
from payments_app.domain.steps import (
    REVIEW_POLL_S,
    Cancel,
    Confirm,
    Create,
    Get,
    Step,
    Wait,
    next_step,
)
from payments_app.gateway.port import Instruction, Op
from payments_app.services.schedule import after
from payments_app.services.writing import write

Call = Create | Get | Confirm | Cancel


def decide(session: Session, payment: Payment, now: datetime) -> Step:
    """The next step of a locked payment. A wait is written down, so that the janitor knows it."""
    step = next_step(payment, now, ever_sent=_ever_sent(session, payment))
    if isinstance(step, Wait) and (payment.next_action_at is None or payment.next_action_at <= now):
        payment.next_action_at = after(now, step.seconds)
    if now >= payment.deadline_at and payment.status is not PaymentStatus.NEEDS_REVIEW:
        payment.stop(StopReason.DEADLINE)
    return step


def end_locally(payment: Payment, now: datetime) -> None:
    """End a payment that has no intent, so that nothing was ever confirmed.

    Safe because a confirm needs the stored intent id, and a late Create finds the payment final.
    """
    if payment.gateway_intent_id is not None:
        raise AssertionError(f"{payment.id} has an intent: only the gateway can end it")
    finish_unpaid(payment, now)


def finish_unpaid(payment: Payment, now: datetime) -> None:
    """Failed or cancelled, by the reason for which the payment was stopped."""
    asked_for = payment.stop_reason is StopReason.CANCEL_REQUESTED
    payment.move("cancel" if asked_for else "fail")
    payment.finished_at = now
    payment.next_action_at = None
    payment.must_look = False
    payment.waits = 0
    payment.review_reason = None


def begin(
    session: Session, payment: Payment, step: Call, now: datetime, *, job_id: int, lease: int
) -> Instruction:
    """Write what is about to be asked, and return it. Commit before sending.

    With it all that this transaction has changed so far is written; its rows leave the session.
    """
    # Pending: nothing was ever asked, so no request lies there under this key.
    is_new = payment.status is PaymentStatus.PENDING or step == Confirm(None)
    if payment.status is PaymentStatus.PENDING:
        payment.move("begin")
    if payment.next_action_at is None:
        payment.next_action_at = now
    request = GatewayRequest(
        id=clock.new_id("req", now),
        payment_id=payment.id,
        job_id=job_id,
        job_lease=lease,
        params={},
    )
    match step:
        case Create():
            request.op = Op.CREATE_INTENT
            request.key = f"pay:{payment.id}:intent:{payment.intent_key_no}"
            request.params = {
                "amount": payment.amount_minor,
                "currency": payment.currency.lower(),
                # Cards only: other methods would want a page to return to.
                "payment_method_types": ["card"],
                "metadata": {"payment": payment.id, "invoice": payment.invoice_id},
            }
        case Get():
            request.op = Op.GET_INTENT
        case Confirm(attempt):
            attempt = _attempt_to_send(payment, attempt, now)
            request.op = Op.CONFIRM_INTENT
            request.attempt_id = attempt.id
            request.key = attempt.key
            request.params = {"payment_method": attempt.payment_method}
            request.resend_until = attempt.resend_until
        case Cancel():
            request.op = Op.CANCEL_INTENT
            request.key = f"pay:{payment.id}:cancel:{payment.cancel_key_no}"
            request.params = {"cancellation_reason": _gateway_reason(payment)}
    request.target = None if isinstance(step, Create) else payment.gateway_intent_id
    instruction = send(session, request, now, is_new=is_new)
    write(session)
    return instruction


def send(
    session: Session, request: GatewayRequest, now: datetime, *, is_new: bool = False
) -> Instruction:
    """Write down what is sent; a repeated key takes the body that was stored first.

    ``is_new``: the caller knows that its key was never used.
    """
    first = None
    if request.key is not None and not is_new:
        first = session.scalars(
            select(GatewayRequest)
            .where(GatewayRequest.key == request.key)
            .order_by(GatewayRequest.created_at, GatewayRequest.id)
            .limit(1)
        ).first()
    if first is not None:
        request.params, request.fingerprint = first.params, first.fingerprint
        request.resend_until = first.resend_until
    else:
        request.fingerprint = _fingerprint(request.op, request.target, request.params)
        if request.key is not None and request.resend_until is None:
            request.resend_until = now + RESEND_FOR
    request.sent_at = now
    session.add(request)
    return Instruction(
        request_id=request.id,
        op=Op(request.op),
        key=request.key,
        target=request.target,
        params=request.params,
    )


def needs_review(payment: Payment, reason: str, now: datetime) -> None:
    """Stop acting and ask for a person; the gateway is still looked at once an hour."""
    if payment.is_final:
        return
    if payment.status in (PaymentStatus.PENDING, PaymentStatus.PROCESSING):
        payment.move("park")
    payment.review_reason = reason
    payment.next_action_at = after(now, REVIEW_POLL_S)


def _attempt_to_send(
    payment: Payment, attempt: PaymentAttempt | None, now: datetime
) -> PaymentAttempt:
    if attempt is None:
        attempt = PaymentAttempt(
            id=clock.new_id("att", now),
            payment_id=payment.id,
            n=len(payment.attempts) + 1,
            status=AttemptStatus.SENT,
            payment_method=payment.payment_method,
            baseline_charge=payment.latest_charge,
            sent_at=now,
            resend_until=now + RESEND_FOR,
        )
        payment.attempts.append(attempt)
    else:
        attempt.move("send")
    return attempt


def _gateway_reason(payment: Payment) -> str:
    asked_for = payment.stop_reason is StopReason.CANCEL_REQUESTED
    return "requested_by_customer" if asked_for else "abandoned"


def _ever_sent(session: Session, payment: Payment) -> bool:
    if payment.gateway_intent_id is not None:
        return True
    if payment.status is PaymentStatus.PENDING:
        return False  # The first request is written in the commit that ends this state.
    found = session.scalar(select(exists().where(GatewayRequest.payment_id == payment.id)))
    return bool(found)


def _fingerprint(op: str, target: str | None, params: dict[str, Any]) -> str:
    body = json.dumps([op, target, params], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(body.encode()).hexdigest()
