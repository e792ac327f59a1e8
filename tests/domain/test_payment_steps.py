"""The protocol's decision is total and safe: every combination of rows has one finite answer."""

import functools
import itertools
import math
from datetime import UTC, datetime, timedelta

import pytest

from payments_app.domain.attempt import AttemptStatus, PaymentAttempt
from payments_app.domain.payment import LIVE, Payment, PaymentStatus, StopReason
from payments_app.domain.steps import (
    CREATE_GRACE,
    Cancel,
    Confirm,
    Create,
    EndLocally,
    Get,
    Step,
    Wait,
    next_step,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MOMENTS = {"none": None, "past": NOW - timedelta(seconds=1), "future": NOW + timedelta(seconds=30)}
DEADLINES = {
    "ahead": NOW + timedelta(hours=1),
    "passed": NOW - timedelta(seconds=1),
    "long_passed": NOW - CREATE_GRACE - timedelta(seconds=1),
}


def a_payment(
    *,
    status: PaymentStatus = PaymentStatus.PROCESSING,
    attempt: AttemptStatus | None = None,
    intent: bool = True,
    stop: StopReason | None = None,
    must_look: bool = False,
    due: str = "past",
    deadline: str = "ahead",
    key_spent: bool = False,
    forgotten: bool = False,
) -> Payment:
    resend_until = NOW + timedelta(hours=-1 if forgotten else 1)
    attempts = [] if attempt is None else [
        PaymentAttempt(
            id="att_1", n=1, status=attempt, payment_method="pm_card_visa",
            key_spent=key_spent, resend_until=resend_until,
        )
    ]  # fmt: skip
    return Payment(
        id="pay_1",
        status=status,
        gateway_intent_id="pi_1" if intent else None,
        stop_reason=stop,
        must_look=must_look,
        next_action_at=MOMENTS[due],
        deadline_at=DEADLINES[deadline],
        attempts=attempts,
    )


def every_combination():
    return itertools.product(
        sorted(LIVE),
        [None, *AttemptStatus],
        [True, False],
        [None, *StopReason],
        [True, False],
        MOMENTS,
        DEADLINES,
        [True, False],
        [True, False],
    )


@functools.cache
def all_decisions() -> list[tuple[tuple, Payment, Step]]:
    return [(row, *decide(*row)) for row in every_combination()]


def decide(*row) -> tuple[Payment, Step]:
    status, attempt, intent, stop, must_look, due, deadline, key_spent, ever_sent = row
    payment = a_payment(
        status=status, attempt=attempt, intent=intent, stop=stop,
        must_look=must_look, due=due, deadline=deadline, key_spent=key_spent,
    )  # fmt: skip
    return payment, next_step(payment, NOW, ever_sent=ever_sent)


def test_every_combination_of_rows_has_an_answer_and_every_wait_is_finite():
    for row, _, step in all_decisions():
        assert isinstance(step, Create | Get | Confirm | Cancel | EndLocally | Wait), row
        if isinstance(step, Wait):
            assert 0 < step.seconds < math.inf, row


def test_money_is_asked_for_only_with_a_stored_intent_and_nothing_against_it():
    for row, payment, step in all_decisions():
        if isinstance(step, Confirm):
            assert payment.gateway_intent_id is not None, row
            assert payment.stop_reason is None, row
            assert payment.deadline_at > NOW, row
            assert not payment.must_look, row
            assert payment.status is not PaymentStatus.NEEDS_REVIEW, row


def test_an_unanswered_attempt_is_asked_about_before_anything_is_sent_again():
    for row, payment, step in all_decisions():
        if any(attempt.is_unanswered for attempt in payment.attempts):
            assert not isinstance(step, Confirm), row


def test_a_payment_with_an_intent_never_ends_without_the_gateway():
    for row, payment, step in all_decisions():
        if payment.gateway_intent_id is not None:
            assert not isinstance(step, EndLocally), row


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (a_payment(intent=False), Create()),
        (a_payment(), Confirm(None)),
        (a_payment(attempt=AttemptStatus.SENT), Get()),
        (a_payment(attempt=AttemptStatus.UNKNOWN), Get()),
        (a_payment(attempt=AttemptStatus.UNKNOWN, stop=StopReason.CANCEL_REQUESTED), Cancel()),
        (a_payment(attempt=AttemptStatus.DECLINED), Confirm(None)),
        (a_payment(attempt=AttemptStatus.NOT_EXECUTED, key_spent=True), Confirm(None)),
        (a_payment(attempt=AttemptStatus.NOT_EXECUTED, forgotten=True), Confirm(None)),
        (a_payment(stop=StopReason.HARD_DECLINE), Cancel()),
        (a_payment(deadline="passed"), Cancel()),
        (a_payment(must_look=True, stop=StopReason.CANCEL_REQUESTED), Get()),
        (a_payment(status=PaymentStatus.NEEDS_REVIEW), Get()),
        (a_payment(due="future"), Wait(30.0)),
        (a_payment(intent=False, stop=StopReason.CANCEL_REQUESTED), Create()),
        (a_payment(intent=False, deadline="long_passed"), EndLocally()),
    ],
)
def test_the_named_situations_of_the_protocol_lead_to_their_step(rows: Payment, expected: Step):
    assert next_step(rows, NOW, ever_sent=True) == expected


def test_an_attempt_found_unexecuted_is_sent_again_under_the_same_key():
    payment = a_payment(attempt=AttemptStatus.NOT_EXECUTED)

    step = next_step(payment, NOW, ever_sent=True)

    assert step == Confirm(payment.last_attempt)


def test_a_cancel_before_anything_was_sent_needs_no_gateway():
    payment = a_payment(intent=False, stop=StopReason.CANCEL_REQUESTED)

    assert next_step(payment, NOW, ever_sent=False) == EndLocally()
