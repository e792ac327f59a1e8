"""The one door through which the gateway's word enters, however it arrived.

``apply_observation`` records the fact under the payment's lock, lease or no lease: a worker that
lost its job may still know that money moved. It never sends anything, and it never turns silence
into a failure.
"""

from datetime import datetime
from typing import Any, assert_never

import structlog
from sqlalchemy.orm import Session

import queue_core
from payments_app.domain.attempt import AttemptStatus, PaymentAttempt
from payments_app.domain.gateway_request import GatewayRequest, RequestStatus
from payments_app.domain.payment import Payment, StopReason
from payments_app.gateway.port import (
    Busy,
    DisputesListed,
    IntentSeen,
    NotSent,
    Observation,
    Op,
    RefundSeen,
    RefundsListed,
    Rejected,
    Unknown,
    WrongState,
)
from payments_app.jobs import CancelOrphanIntent
from payments_app.services import intent_facts
from payments_app.services.charging import needs_review
from payments_app.services.locking import Asked, lock_payment
from payments_app.services.schedule import after, silence_delay_s

log = structlog.get_logger()

# The parameter that speaks of the card given, not of our request or account.
_CARD_PARAM = "payment_method"
# Of a list of refunds, what is kept for a person to read: nobody compares more by eye.
REFUNDS_KEPT_MAX = 100


def apply_observation(
    session: Session, asked: Asked, observation: Observation, *, now: datetime
) -> Payment:
    """Record what the gateway answered to one of our requests. Returns its payment.

    ``asked`` is locked (``locking.lock_payment_asked_about``).
    """
    payment, request = asked
    close_request(request, observation, now)
    match observation:
        case IntentSeen():
            _intent_answered(session, payment, request, observation, now)
        case Unknown():
            _silence(payment, request, received=observation.received, now=now)
        case NotSent():
            _silence(payment, request, received=False, now=now)
        case Busy():
            _lose_sight(payment, request)
            _wait(payment, after(now, observation.retry_after_s))
        case WrongState():
            _spend_key(payment, request)
            _lose_sight(payment, request)
            payment.must_look = not payment.is_final
        case Rejected():
            _rejected(payment, request, observation, now)
        case RefundSeen() | RefundsListed() | DisputesListed():
            raise AssertionError(f"something else answered the payment request {request.id}")
        case _:
            assert_never(observation)
    return payment


def observe_intent(
    session: Session, payment_id: str, seen: IntentSeen, *, now: datetime
) -> Payment:
    """Record an intent that was read for another reason: webhook, reconciliation, operator."""
    payment = lock_payment(session, payment_id)
    if payment.gateway_intent_id == seen.intent_id and _is_ours(payment, seen, now=now):
        intent_facts.apply(session, payment, seen, attempt=None, now=now)
    session.flush()
    return payment


def close_request(request: GatewayRequest, observation: Observation, now: datetime) -> None:
    if request.status is RequestStatus.ANSWERED:
        return  # The same answer recorded twice; the facts below absorb it.
    if isinstance(observation, Unknown | NotSent):
        if request.status is RequestStatus.SENT:
            request.move("lose_sight")
    else:
        request.move("answer")
    request.answered_at = now
    request.outcome, request.detail = _describe(observation)


def _describe(observation: Observation) -> tuple[str, dict[str, Any]]:
    match observation:
        case IntentSeen():
            return str(observation.status), _of_intent(observation)
        case Unknown(reason=reason):
            return "unknown", {"reason": reason}
        case NotSent(reason=reason):
            return "not_sent", {"reason": reason}
        case Busy(retry_after_s=seconds, reason=reason):
            return "busy", {"retry_after_s": seconds, "reason": reason}
        case WrongState(code=code, message=message):
            return "wrong_state", {"code": code, "message": message}
        case Rejected(http_status=status, code=code, message=message):
            return "rejected", {"http_status": status, "code": code, "message": message}
        case RefundSeen(refund_id=refund, status=refund_status):
            return str(refund_status), {"refund": refund}
        case RefundsListed(refunds=refunds):
            return "listed", {"refunds": [_of_refund(seen) for seen in refunds[:REFUNDS_KEPT_MAX]]}
        case DisputesListed(disputes=disputes):
            return "listed", {"disputes": [seen.dispute_id for seen in disputes]}


def _of_intent(seen: IntentSeen) -> dict[str, Any]:
    """All that a person needs to decide by, should the rules not be able to."""
    return {
        "intent": seen.intent_id,
        "decline": seen.decline.code if seen.decline else None,
        "replayed": seen.replayed,
        "payment": seen.payment,
        "charge": seen.latest_charge,
        "amount_minor": seen.amount_minor,
        "captured_minor": seen.captured_minor,
        "currency": seen.currency,
        "server_time": seen.server_time,
    }


def _of_refund(seen: RefundSeen) -> dict[str, Any]:
    return {
        "id": seen.refund_id,
        "status": str(seen.status),
        "amount_minor": seen.amount_minor,
        "currency": seen.currency,
        "refund": seen.refund,
    }


def _intent_answered(
    session: Session, payment: Payment, request: GatewayRequest, seen: IntentSeen, now: datetime
) -> None:
    if not _is_ours(payment, seen, now=now, named=request.target):
        return
    if request.op == Op.CREATE_INTENT and not _keep_intent(session, payment, seen):
        return
    attempt = _attempt_of(payment, request)
    intent_facts.apply(session, payment, seen, attempt=attempt, now=now, op=Op(request.op))


def _is_ours(
    payment: Payment, seen: IntentSeen, *, now: datetime, named: str | None = None
) -> bool:
    """Never "assume ours": the intent must be the one we named, for this payment and amount.

    However it was heard: a capture of other money is no capture of this payment.
    """
    same_money = (seen.amount_minor, seen.currency) == (payment.amount_minor, payment.currency)
    if named in (None, seen.intent_id) and same_money and seen.payment == payment.id:
        return True
    log.error("gateway_contradiction", payment=payment.id, intent=seen.intent_id)
    needs_review(payment, "intent_mismatch", now)
    return False


def _keep_intent(session: Session, payment: Payment, seen: IntentSeen) -> bool:
    """Write the intent's id, once. An intent that no payment will own is cancelled by a job."""
    if payment.gateway_intent_id is None and not payment.is_final:
        payment.gateway_intent_id = seen.intent_id
    if payment.gateway_intent_id == seen.intent_id:
        return True
    queue_core.insert(session, CancelOrphanIntent(payment_id=payment.id, intent_id=seen.intent_id))
    return False


def _silence(payment: Payment, request: GatewayRequest, *, received: bool, now: datetime) -> None:
    """No answer: money may have moved. The attempt is unknown, never failed."""
    if received:
        # The gateway keeps this error under the key: only a new key can get another answer.
        _spend_key(payment, request)
    _lose_sight(payment, request)
    log.warning(
        "gateway_unanswered", payment=payment.id, request=request.id, op=request.op,
        detail=request.detail,
    )  # fmt: skip
    payment.waits += 1
    _wait(payment, after(now, silence_delay_s(payment.waits)))
    if now >= payment.deadline_at and not payment.is_final:
        # The fence is asked for again, an hour apart at most; but somebody should look why not.
        log.error("gateway_unreachable", payment=payment.id, silent=payment.waits)


def _rejected(payment: Payment, request: GatewayRequest, answer: Rejected, now: datetime) -> None:
    if payment.is_final:
        return
    _spend_key(payment, request)
    _lose_sight(payment, request)
    if request.op == Op.CONFIRM_INTENT and answer.param == _CARD_PARAM:
        # The gateway does not know the card: the customer's to mend, behind the fence like any end.
        payment.stop(StopReason.INVALID_CARD, message=answer.message)
        return
    log.error(
        "gateway_rejected",
        payment=payment.id,
        op=request.op,
        http_status=answer.http_status,
        code=answer.code,
    )
    needs_review(payment, f"gateway_rejected:{answer.code}", now)


def _spend_key(payment: Payment, request: GatewayRequest) -> None:
    """The gateway stored an error under this key: the next question needs a new one."""
    match request.op:
        case Op.CREATE_INTENT if request.key == f"pay:{payment.id}:intent:{payment.intent_key_no}":
            payment.intent_key_no += 1
        case Op.CANCEL_INTENT if request.key == f"pay:{payment.id}:cancel:{payment.cancel_key_no}":
            payment.cancel_key_no += 1
        case Op.CONFIRM_INTENT:
            attempt = _attempt_of(payment, request)
            if attempt is not None:
                attempt.key_spent = True
        case _:
            pass


def _lose_sight(payment: Payment, request: GatewayRequest) -> None:
    attempt = _attempt_of(payment, request)
    if attempt is not None and attempt.status is AttemptStatus.SENT:
        attempt.move("lose_sight")


def _attempt_of(payment: Payment, request: GatewayRequest) -> PaymentAttempt | None:
    return next((a for a in payment.attempts if a.id == request.attempt_id), None)


def _wait(payment: Payment, until: datetime) -> None:
    if not payment.is_final:
        payment.next_action_at = until
