"""What to do next with a payment: a pure function of its rows and the time.

This is the protocol. It is total: every combination of rows has an answer, and every wait is
finite. Money moves only through ``Confirm``, ``Confirm`` needs the stored intent id, and that id
is written once; so a payment whose intent id is not stored cannot have been charged. A payment
that has one ends as failed or cancelled only when the gateway itself says that the intent is
cancelled: ``Cancel`` is the fence that no late request can pass.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from payments_app.domain.attempt import AttemptStatus, PaymentAttempt
from payments_app.domain.payment import Payment, PaymentStatus, StopReason

# A payment that nobody could finish in a day is stopped behind the fence.
DEADLINE = timedelta(hours=24)
# How long after the deadline a lost Create is still asked for before the payment ends without it.
CREATE_GRACE = timedelta(hours=1)
# The bank's "no" to four charges of one payment is a no; more looks like card testing.
DECLINES_MAX = 4
REVIEW_POLL_S = 3600.0
# Nothing is due and nothing forbids it: look again soon. Reached only through a row changed by
# hand, and even then the wait is finite.
IDLE_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Create:
    """Make the payment's one intent. Moves no money."""


@dataclass(frozen=True, slots=True)
class Get:
    """Ask the gateway how the intent stands, before deciding anything."""


@dataclass(frozen=True, slots=True)
class Confirm:
    """Charge: the same attempt again under its key, or (``attempt`` None) a new attempt."""

    attempt: PaymentAttempt | None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Raise the fence: after it, the intent can never capture."""


@dataclass(frozen=True, slots=True)
class EndLocally:
    """End without the gateway: no intent is stored, so nothing was ever confirmed."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do for this many seconds."""

    seconds: float


Step = Create | Get | Confirm | Cancel | EndLocally | Wait


def next_step(payment: Payment, now: datetime, *, ever_sent: bool) -> Step:
    """The next step of a payment that is not final.

    ``ever_sent``: whether any request of this payment was handed to the network.
    """
    if payment.next_action_at is not None and payment.next_action_at > now:
        return Wait((payment.next_action_at - now).total_seconds())
    if payment.status is PaymentStatus.NEEDS_REVIEW:
        return Get() if payment.gateway_intent_id else Wait(REVIEW_POLL_S)
    if payment.gateway_intent_id is None:
        return _before_the_intent(payment, now, ever_sent=ever_sent)
    if payment.must_look:
        return Get()
    if _stop_reason(payment, now) is not None:
        return Cancel()
    return _charge(payment, now)


def _before_the_intent(payment: Payment, now: datetime, *, ever_sent: bool) -> Step:
    if _stop_reason(payment, now) is None:
        return Create()
    # A Create was sent and its answer lost: fetch the intent under the same key and cancel it,
    # rather than leave it open at the gateway; but not for ever, since it cannot move money.
    if ever_sent and now < payment.deadline_at + CREATE_GRACE:
        return Create()
    return EndLocally()


def _stop_reason(payment: Payment, now: datetime) -> StopReason | None:
    if payment.stop_reason is not None:
        return payment.stop_reason
    if now >= payment.deadline_at:
        return StopReason.DEADLINE
    return None


def _charge(payment: Payment, now: datetime) -> Step:
    attempt = payment.last_attempt
    if attempt is None:
        return Confirm(None)
    match attempt.status:
        case AttemptStatus.SENT | AttemptStatus.UNKNOWN:
            return Get()
        case AttemptStatus.NOT_EXECUTED:
            return Confirm(attempt if may_resend(attempt, now) else None)
        case AttemptStatus.DECLINED:
            return Confirm(None)
        case AttemptStatus.SUCCEEDED:
            # The payment is completed in the same commit; if it is not, the gateway must say why.
            return Get()


def may_resend(attempt: PaymentAttempt, now: datetime) -> bool:
    """Whether the attempt's key still means the same question to the gateway."""
    forgotten = attempt.resend_until is not None and now >= attempt.resend_until
    return not attempt.key_spent and not forgotten
