"""The refund's two transactions: write down what will be sent, and record what was answered."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from payments_app import clock
from payments_app.domain.gateway_request import RESEND_FOR, GatewayRequest
from payments_app.domain.payment import Payment
from payments_app.domain.refund import Refund, RefundStatus
from payments_app.domain.refund_steps import CreateRefund, GetRefund, ListRefunds
from payments_app.domain.steps import REVIEW_POLL_S
from payments_app.gateway.port import (
    Busy,
    Instruction,
    Observation,
    Op,
    RefundSeen,
    RefundsListed,
    Rejected,
    Unknown,
)
from payments_app.gateway.port import RefundStatus as Seen
from payments_app.services import gateway_clock, refund_settlement
from payments_app.services.charging import send
from payments_app.services.locking import lock_refund
from payments_app.services.observations import close_request
from payments_app.services.schedule import after, processing_delay_s, silence_delay_s

log = structlog.get_logger()

# Refusals that say our request or our account is wrong, not that this refund was refused.
_REVIEW_CODES = frozenset({"idempotency_error", "resource_missing", "authentication_error"})
_REVIEW_STATUSES = frozenset({401, 403, 404})
# Why a refund failed whose key the gateway answers with the error that it stored.
GATEWAY_ERROR = "gateway_error"
# Why a refund waits for a person whose key the gateway may have forgotten.
KEY_EXPIRED = "key_expired"


def begin(
    session: Session,
    payment: Payment,
    refund: Refund,
    step: CreateRefund | GetRefund | ListRefunds,
    now: datetime,
    *,
    job_id: int,
    lease: int,
) -> Instruction:
    """Record what is about to be asked, and return it. Commit before sending."""
    request = GatewayRequest(
        id=clock.new_id("req", now),
        payment_id=payment.id,
        refund_id=refund.id,
        job_id=job_id,
        job_lease=lease,
        params={},
    )
    if refund.status is RefundStatus.REQUESTED:
        refund.move("begin")
    refund.next_action_at = now
    match step:
        case CreateRefund():
            refund.first_sent_at = refund.first_sent_at or now
            refund.resend_until = refund.resend_until or now + RESEND_FOR
            refund.last_sent_at = now
            request.op = Op.CREATE_REFUND
            request.key = refund.key
            request.resend_until = refund.resend_until
            request.params = {
                "payment_intent": payment.gateway_intent_id,
                "amount": refund.amount_minor,
                "metadata": {"refund": refund.id, "payment": payment.id},
            }
        case GetRefund():
            request.op = Op.GET_REFUND
            request.target = refund.gateway_refund_id
        case ListRefunds():
            request.op = Op.LIST_REFUNDS
            request.target = payment.gateway_intent_id
    return send(session, request, now)


def apply_refund_observation(
    session: Session, request_id: str, observation: Observation, *, now: datetime
) -> Refund:
    """Record what the gateway answered, lease or no lease. Returns the locked refund."""
    request = session.get_one(GatewayRequest, request_id)
    if request.refund_id is None:
        raise AssertionError(f"request {request_id} is not about a refund")
    payment, refund = lock_refund(session, request.refund_id)
    session.refresh(request)
    close_request(request, observation, now)
    if not refund.is_final:
        _apply(session, payment, refund, request, observation, now=now)
    session.flush()
    return refund


def observe_refund(session: Session, refund_id: str, seen: RefundSeen, *, now: datetime) -> Refund:
    """Record a refund that was read for another reason: a webhook, a reconciliation.

    The one fact that can move a completed refund: the gateway says that it failed after all.
    """
    payment, refund = lock_refund(session, refund_id)
    if refund.gateway_refund_id != seen.refund_id:
        return refund
    if refund.status is RefundStatus.COMPLETED and seen.status in (Seen.FAILED, Seen.CANCELED):
        code = seen.failure_reason or str(seen.status)
        refund_settlement.bounce(session, payment, refund, code, now)
    elif not refund.is_final:
        _seen(session, payment, refund, seen, now)
    session.flush()
    return refund


def wait(refund: Refund, seconds: float, now: datetime) -> None:
    """Write a wait down, so that the janitor knows when this refund is due."""
    if refund.next_action_at is None or refund.next_action_at <= now:
        refund.next_action_at = after(now, seconds)


def park(refund: Refund, reason: str, now: datetime) -> None:
    """Ask for a person; the list is still read once an hour. The reservation stays."""
    if refund.status in (RefundStatus.REQUESTED, RefundStatus.PROCESSING):
        refund.move("park")
    refund.review_reason = reason
    refund.next_action_at = after(now, REVIEW_POLL_S)


def _apply(
    session: Session,
    payment: Payment,
    refund: Refund,
    request: GatewayRequest,
    observation: Observation,
    *,
    now: datetime,
) -> None:
    op = Op(request.op)
    match observation:
        case RefundSeen():
            _seen(session, payment, refund, observation, now)
        case RefundsListed(refunds=refunds):
            _listed(session, payment, refund, request, refunds, now=now)
            if gateway_clock.has_forgotten(session, refund, observation.server_time):
                park(refund, KEY_EXPIRED, now)
        case Busy(retry_after_s=seconds, executing=executing):
            only = refund.first_sent_at == refund.last_sent_at
            if op is Op.CREATE_REFUND and only and not executing:
                # The only send there was, and the gateway did not take it: as if never sent.
                refund.first_sent_at = refund.last_sent_at = None
            refund.next_action_at = after(now, seconds)
        case Rejected() if (
            op is not Op.CREATE_REFUND
            or observation.code in _REVIEW_CODES
            or observation.http_status in _REVIEW_STATUSES
        ):
            log.error("gateway_rejected", refund=refund.id, code=observation.code)
            park(refund, f"gateway_rejected:{observation.code}", now)
        case Rejected():
            # "No": but was it no because ours had been executed already? A list read now tells.
            _look_for_what_became_of_it(refund, observation.code, now)
        case Unknown(replayed=True) if op is Op.CREATE_REFUND:
            # The gateway keeps an error under the one key that this refund will ever have: what the
            # list shows is all there can be. Sending it again for a day would only repeat that.
            _look_for_what_became_of_it(refund, GATEWAY_ERROR, now)
        case _:
            log.warning(
                "gateway_unanswered", refund=refund.id, request=request.id, detail=request.detail
            )
            refund.waits += 1
            refund.next_action_at = after(now, silence_delay_s(refund.waits))


def _look_for_what_became_of_it(refund: Refund, code: str, now: datetime) -> None:
    refund.failure_code = code
    refund.listed_at = None
    refund.next_action_at = now


def _seen(
    session: Session, payment: Payment, refund: Refund, seen: RefundSeen, now: datetime
) -> None:
    ours = (seen.amount_minor, seen.currency, seen.intent_id, seen.refund) == (
        refund.amount_minor,
        refund.currency,
        payment.gateway_intent_id,
        refund.id,
    )
    if not ours:
        log.error("gateway_contradiction", refund=refund.id, seen=seen.refund_id)
        park(refund, "refund_mismatch", now)
        return
    refund.gateway_refund_id = seen.refund_id
    match seen.status:
        case Seen.SUCCEEDED:
            refund_settlement.complete(session, payment, refund, now)
        case Seen.FAILED | Seen.CANCELED:
            refund_settlement.fail(payment, refund, seen.failure_reason or str(seen.status), now)
        case Seen.PENDING:
            refund.waits += 1
            refund.next_action_at = after(now, processing_delay_s(refund.waits))


def _listed(
    session: Session,
    payment: Payment,
    refund: Refund,
    request: GatewayRequest,
    refunds: tuple[RefundSeen, ...],
    *,
    now: datetime,
) -> None:
    ours = next((seen for seen in refunds if seen.refund == refund.id), None)
    if ours is not None:
        _seen(session, payment, refund, ours, now)
        return
    if refund.status is not RefundStatus.NEEDS_REVIEW and _is_older(request, refund):
        # A worker that slept asked before somebody else sent: this list says nothing about that.
        refund.next_action_at = now
        return
    refund.listed_at = now
    if refund.status is RefundStatus.NEEDS_REVIEW:
        refund.next_action_at = after(now, REVIEW_POLL_S)
    elif refund.failure_code is not None:
        refund_settlement.fail(payment, refund, refund.failure_code, now)
    else:
        # A microsecond later than the last send, whatever the clocks' resolution.
        refund.listed_at = max(now, (refund.last_sent_at or now) + timedelta(microseconds=1))
        refund.next_action_at = now


def _is_older(request: GatewayRequest, refund: Refund) -> bool:
    asked_at, sent_at = request.sent_at, refund.last_sent_at
    return asked_at is not None and sent_at is not None and asked_at < sent_at
