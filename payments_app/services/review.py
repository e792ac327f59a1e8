"""A person decides about a payment or refund that the rules parked: one verb each.

Every decision needs a reason, and the edge says who decides (``actor.act_as`` with that reason),
so the transition log names both. What may be decided is ``domain.review``; here it is carried out
under the locks of a worker's facts, and only if nothing has changed since the person looked.
"""

from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from payments_app.domain.attempt import AttemptStatus
from payments_app.domain.customer import checked_text
from payments_app.domain.errors import DomainError, Invalid, VersionConflict
from payments_app.domain.payment import Payment
from payments_app.domain.refund import Refund
from payments_app.domain.review import (
    Choice,
    Decision,
    IntentWord,
    RefundWord,
    fitting,
    payment_choices,
    refund_choices,
)
from payments_app.queries.review import intent_word, refund_word
from payments_app.services import payments, refund_settlement, refunds, settlement
from payments_app.services.locking import lock_payment, lock_refund

log = structlog.get_logger()

REASON_LENGTH_MAX = 500
GIVEN_UP = "given_up"


class DecisionRefused(DomainError):
    """The rules do not permit this decision now. The message says why, and what would help."""

    code = "decision_refused"


def decide_payment(
    session: Session,
    payment_id: str,
    decision: Decision,
    *,
    reason: str,
    reference: str = "",
    expected_version: int | None = None,
    now: datetime,
) -> Payment:
    """Carry out one decision. Raises DecisionRefused, VersionConflict, Invalid, NotFound."""
    why = checked_reason(reason)
    payment = lock_payment(session, payment_id)
    _unchanged(payment.version, expected_version)
    word = intent_word(session, payment)
    require_open(payment_choices(payment, word), decision)
    match decision:
        case Decision.ASK:
            payments.check_now(session, payment_id, now=now)
        case Decision.RESUME:
            _resume_payment(session, payment, now)
        case Decision.STOP:
            payments.request_cancel(session, payment_id, now=now)
        case _:
            _record_capture(session, payment, word, reference, now)
    session.flush()
    log.warning("review_decided", payment=payment.id, decision=str(decision), reason=why)
    return payment


def decide_refund(
    session: Session,
    refund_id: str,
    decision: Decision,
    *,
    reason: str,
    reference: str = "",
    expected_version: int | None = None,
    now: datetime,
) -> Refund:
    """Carry out one decision. Raises DecisionRefused, VersionConflict, Invalid, NotFound."""
    why = checked_reason(reason)
    payment, refund = lock_refund(session, refund_id)
    _unchanged(refund.version, expected_version)
    word = refund_word(session, refund)
    require_open(refund_choices(refund, word, now), decision)
    match decision:
        case Decision.ASK:
            _look_again(session, refund, now)
        case Decision.RESUME:
            refund.move("resume")
            refund.review_reason = refund.failure_code = None
            refund.waits = 0
            _look_again(session, refund, now)
        case Decision.RECORD:
            _record_refund(session, payment, refund, word, reference=reference, now=now)
        case _:
            refund_settlement.fail(payment, refund, GIVEN_UP, now)
    session.flush()
    log.warning("review_decided", refund=refund.id, decision=str(decision), reason=why)
    return refund


def checked_reason(reason: str) -> str:
    """Why it was decided, for whoever asks in a year. Raises Invalid."""
    return checked_text(reason, "reason", length_max=REASON_LENGTH_MAX, required=True)


def _unchanged(version: int, expected: int | None) -> None:
    if expected is not None and version != expected:
        raise VersionConflict("This changed while you were looking. Look at it again, then decide.")


def require_open(choices: list[Choice], decision: Decision) -> None:
    """Raises DecisionRefused unless the decision is among them and open."""
    if not choices:
        raise DecisionRefused("Nobody needs to decide about this: it is not in review any more.")
    choice = next((each for each in choices if each.decision is decision), None)
    if choice is None:
        raise DecisionRefused(f"{decision} is no decision for this.")
    if choice.refused is not None:
        raise DecisionRefused(choice.refused)


def _resume_payment(session: Session, payment: Payment, now: datetime) -> None:
    """Back into the protocol, which looks before it does anything else."""
    payment.move("resume")
    payment.review_reason = None
    payment.must_look = payment.gateway_intent_id is not None
    payment.waits = 0
    payments.wake(session, payment, now)


def _record_capture(
    session: Session, payment: Payment, word: IntentWord | None, reference: str, now: datetime
) -> None:
    """Complete it with the amount that the gateway took, which may not be what we asked for."""
    assert word is not None
    assert word.captured_minor
    if reference.strip() != word.charge:
        raise Invalid(
            "reference", "Give the charge's id as the gateway's dashboard shows it, like ch_…"
        )
    attempt = payment.last_attempt
    if attempt is not None and attempt.status is not AttemptStatus.SUCCEEDED:
        attempt.move("succeed")
        attempt.charge_id = word.charge
        attempt.answered_at = now
    payment.latest_charge = word.charge
    settlement.complete(session, payment, captured_minor=word.captured_minor, now=now)


def _look_again(session: Session, refund: Refund, now: datetime) -> None:
    # The list is read before anything is sent, and not before the last send has had its time.
    refund.listed_at = None
    refund.next_action_at = now
    session.flush()
    refunds.wake(session, refund)


def _record_refund(
    session: Session,
    payment: Payment,
    refund: Refund,
    word: RefundWord,
    *,
    reference: str,
    now: datetime,
) -> None:
    found = next((each for each in fitting(refund, word) if each.id == reference.strip()), None)
    if found is None:
        raise Invalid(
            "reference",
            "Give the id of one of the refunds that the gateway's list shows, like re_…",
        )
    refund.gateway_refund_id = found.id
    refund_settlement.complete(session, payment, refund, now)
