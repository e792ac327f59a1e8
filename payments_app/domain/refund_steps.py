"""What to do next with a refund: a pure function of its row and the time.

A refund has no two-step object at the gateway to fence with: creating it moves the money. So after
silence the gateway's list is read first, and not before twice the longest life of a request, when
nothing of ours can still be on its way. Only then is the same body sent again under the same key,
and never after ``resend_until``, when the gateway may have forgotten the key.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from payments_app.domain.refund import Refund, RefundStatus
from payments_app.domain.steps import REVIEW_POLL_S, Wait


@dataclass(frozen=True, slots=True)
class CreateRefund:
    """Send the refund under its one key."""


@dataclass(frozen=True, slots=True)
class GetRefund:
    """Ask how a refund that the gateway has accepted stands."""


@dataclass(frozen=True, slots=True)
class ListRefunds:
    """Look for our refund among all refunds of the intent."""


@dataclass(frozen=True, slots=True)
class Park:
    """The key can no longer be trusted and the list does not show it: a person decides."""


RefundStep = CreateRefund | GetRefund | ListRefunds | Park | Wait


def next_refund_step(refund: Refund, now: datetime, *, request_life_s: float) -> RefundStep:
    """The next step of a refund that is not final.

    ``request_life_s``: the longest that one request can take, connect and read together.
    """
    if refund.next_action_at is not None and refund.next_action_at > now:
        return Wait((refund.next_action_at - now).total_seconds())
    if refund.gateway_refund_id is not None:
        return GetRefund()
    if refund.status is RefundStatus.NEEDS_REVIEW:
        # Only a list that shows it can bring it back; between two looks an hour passes.
        polled = refund.listed_at is not None and now - refund.listed_at < timedelta(
            seconds=REVIEW_POLL_S
        )
        return Wait(REVIEW_POLL_S) if polled else ListRefunds()
    if refund.last_sent_at is None:
        return CreateRefund()
    if refund.listed_at is None or refund.listed_at < refund.last_sent_at:
        return _list_when_quiet(refund, now, request_life_s)
    if refund.resend_until is not None and now >= refund.resend_until:
        return Park()
    return CreateRefund()


def _list_when_quiet(refund: Refund, now: datetime, request_life_s: float) -> RefundStep:
    if refund.last_sent_at is None:
        return ListRefunds()
    if refund.failure_code is not None and refund.first_sent_at == refund.last_sent_at:
        return ListRefunds()  # The gateway answered "no" to the only send: nothing is on its way.
    quiet_at = refund.last_sent_at + timedelta(seconds=2 * request_life_s)
    if now < quiet_at:
        return Wait((quiet_at - now).total_seconds())
    return ListRefunds()
