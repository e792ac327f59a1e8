"""What an intent's state means for its payment and attempts.

``succeeded`` and ``canceled`` are the two ends that the gateway can give; everything else keeps
the payment open and says when to look again. Facts only ever add: a stale answer cannot take a
payment back, because final states absorb and declines must be newer than their attempt.
"""

from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from payments_app.domain.attempt import MOVES as ATTEMPT_MOVES
from payments_app.domain.attempt import UNANSWERED, AttemptStatus, PaymentAttempt
from payments_app.domain.payment import Payment, PaymentStatus, StopReason
from payments_app.domain.steps import DECLINES_MAX, REVIEW_POLL_S
from payments_app.gateway.port import Decline, IntentSeen, IntentStatus, Op
from payments_app.services import settlement
from payments_app.services.charging import finish_unpaid, needs_review
from payments_app.services.schedule import after, processing_delay_s, soft_decline_delay_s

log = structlog.get_logger()


def apply(
    session: Session,
    payment: Payment,
    seen: IntentSeen,
    *,
    attempt: PaymentAttempt | None,
    now: datetime,
    op: Op = Op.GET_INTENT,
) -> None:
    """Record what the intent shows. ``attempt`` is the one that the answered request was about."""
    payment.must_look = False
    match seen.status:
        case IntentStatus.SUCCEEDED:
            _succeeded(session, payment, seen, attempt, now)
        case IntentStatus.CANCELED:
            _canceled(payment, now)
        case _ if payment.is_final:
            return
        case _ if payment.status is PaymentStatus.NEEDS_REVIEW:
            # Only an end takes it out of review; until a person decides, look again in an hour.
            payment.next_action_at = after(now, REVIEW_POLL_S)
        case IntentStatus.PROCESSING:
            payment.latest_charge = seen.latest_charge or payment.latest_charge
            # The gateway refuses a cancel while the bank works: ask how it stands, not for the
            # fence, or each poll would spend another key on a refusal.
            payment.must_look = True
            payment.waits += 1
            payment.next_action_at = after(now, processing_delay_s(payment.waits))
        case IntentStatus.REQUIRES_ACTION:
            payment.stop(
                StopReason.AUTHENTICATION_REQUIRED,
                message="The bank wants the cardholder to confirm in person.",
            )
            _progress(payment, now)
        case IntentStatus.REQUIRES_PAYMENT_METHOD | IntentStatus.REQUIRES_CONFIRMATION:
            _still_open(payment, seen, attempt, op, now)


def _succeeded(
    session: Session,
    payment: Payment,
    seen: IntentSeen,
    attempt: PaymentAttempt | None,
    now: datetime,
) -> None:
    if payment.status is PaymentStatus.COMPLETED:
        return
    if seen.captured_minor != payment.amount_minor:
        log.error("captured_other_amount", payment=payment.id, captured=seen.captured_minor)
        needs_review(payment, "captured_amount_mismatch", now)
        return
    winner = _winner(payment, seen, attempt)
    if winner is not None and winner.status is not AttemptStatus.SUCCEEDED:
        winner.move("succeed")
        winner.charge_id = seen.latest_charge
        winner.answered_at = now
    payment.latest_charge = seen.latest_charge
    settlement.complete(session, payment, captured_minor=seen.captured_minor, now=now)


def _winner(
    payment: Payment, seen: IntentSeen, attempt: PaymentAttempt | None
) -> PaymentAttempt | None:
    """Whose charge it was: the one asked about if it was open, else the newest that may be."""
    if attempt is not None and not attempt.is_declined:
        return attempt
    candidates = [a for a in payment.attempts if a.charge_id in (None, seen.latest_charge)]
    return candidates[-1] if candidates else payment.last_attempt


def _canceled(payment: Payment, now: datetime) -> None:
    """The fence stands: this intent can never capture. Only now may the payment end unpaid."""
    if payment.is_final:
        return
    for attempt in payment.attempts:
        if attempt.status in UNANSWERED:
            attempt.move("find_unexecuted")
            attempt.answered_at = now
    if payment.stop_reason is None:
        payment.failure_code = "canceled_at_gateway"
        payment.failure_message = "The intent was cancelled at the gateway, not by us."
    finish_unpaid(payment, now)


def _still_open(
    payment: Payment,
    seen: IntentSeen,
    attempt: PaymentAttempt | None,
    op: Op,
    now: datetime,
) -> None:
    subject = attempt or payment.last_attempt
    direct = attempt is not None and op is Op.CONFIRM_INTENT
    declined = _decline_of(subject, seen, direct=direct)
    payment.latest_charge = seen.latest_charge or payment.latest_charge
    if subject is not None and declined is not None:
        _declined(payment, subject, declined, now)
    elif subject is not None and subject.status in UNANSWERED and op is not Op.CONFIRM_INTENT:
        subject.move("find_unexecuted")
        subject.answered_at = now
        # Asked and not executed: perhaps still on its way. Ask again under the same key, soon.
        payment.next_action_at = now
    elif subject is not None and subject.status in UNANSWERED:
        if subject.status is AttemptStatus.SENT:
            subject.move("lose_sight")
        payment.waits += 1
        payment.next_action_at = after(now, processing_delay_s(payment.waits))
    else:
        payment.waits = 0
        payment.next_action_at = max(now, _retry_at(payment) or now)


def _decline_of(
    attempt: PaymentAttempt | None, seen: IntentSeen, *, direct: bool
) -> Decline | None:
    """The decline, if it is this attempt's: its charge is newer than all we knew when we asked.

    ``direct``: it came as the answer to this attempt's own confirm. Then it is this attempt's,
    also when no charge was made for it and the newest one is still an older attempt's.
    """
    if attempt is None or seen.decline is None:
        return None
    if not ATTEMPT_MOVES.allows("decline", attempt.status):
        return None
    charge = seen.decline.charge_id or seen.latest_charge
    return seen.decline if direct or charge != attempt.baseline_charge else None


def _declined(payment: Payment, attempt: PaymentAttempt, decline: Decline, now: datetime) -> None:
    attempt.move("decline")
    attempt.decline_code, attempt.decline_message = decline.code, decline.message
    attempt.charge_id = decline.charge_id
    attempt.answered_at = now
    payment.failure_message = decline.message
    payment.waits = 0
    if attempt is not payment.last_attempt:
        return  # A late answer about an older card: the newer attempt decides what comes next.
    if not attempt.is_soft_decline:
        payment.stop(StopReason.HARD_DECLINE, decline.code, decline.message)
    elif payment.declines >= DECLINES_MAX:
        payment.stop(StopReason.ATTEMPTS_SPENT, decline.code, decline.message)
    payment.next_action_at = _retry_at(payment) or now


def _retry_at(payment: Payment) -> datetime | None:
    """When the next charge is due after a soft decline; None when nothing holds it back.

    A look in between (a webhook, an operator) shows the old decline again: it must not bring the
    next charge forward. Another card does; and whoever asked for the end, perhaps while this very
    answer was on its way, waits for the fence and not for the next charge.
    """
    last = payment.last_attempt
    if payment.stop_reason is not None:
        return None
    if last is None or not last.is_soft_decline or last.answered_at is None:
        return None
    if payment.card_changed_at is not None and payment.card_changed_at >= last.answered_at:
        return None
    return after(last.answered_at, soft_decline_delay_s(payment.declines))


def _progress(payment: Payment, now: datetime) -> None:
    payment.waits = 0
    payment.next_action_at = now
