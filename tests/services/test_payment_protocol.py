"""Each row of the case table: what the gateway says, and what becomes of the payment."""

import pytest
from sqlalchemy import select, text

from payments_app.domain.attempt import AttemptStatus
from payments_app.domain.errors import PaymentInProgress, PaymentNotCancellable
from payments_app.domain.gateway_request import GatewayRequest
from payments_app.domain.invoice import Invoice, InvoiceStatus
from payments_app.domain.ledger import Allocation, LedgerPosting
from payments_app.domain.payment import PaymentStatus
from payments_app.domain.steps import EndLocally, Wait
from payments_app.gateway.port import (
    Busy,
    Instruction,
    IntentStatus,
    NotSent,
    Op,
    Rejected,
    Unknown,
    WrongState,
)
from payments_app.services import observations, payments
from tests.support.conversation import Conversation


@pytest.fixture
def talk(sessions) -> Conversation:
    return Conversation.about_a_new_payment(sessions)


def rows(talk: Conversation, model):
    with talk.sessions() as session:
        return list(session.scalars(select(model)))


def test_a_captured_payment_settles_its_invoice_posts_once_and_sends_one_receipt(talk):
    talk.created()

    confirm = talk.turn(talk.succeeded())

    assert confirm.key == f"att:{talk.payment.attempts[0].id}:confirm"
    assert talk.payment.status is PaymentStatus.COMPLETED
    assert talk.payment.captured_minor == 12_000
    assert [a.amount_minor for a in rows(talk, Allocation)] == [12_000]
    assert [i.status for i in rows(talk, Invoice)] == [InvoiceStatus.PAID]
    captures = [p for p in rows(talk, LedgerPosting) if p.kind == "capture"]
    assert [(t.debit_account, t.credit_account, t.amount_minor) for t in captures[0].transfers] == [
        ("gateway_clearing", "receivable", 12_000)
    ]
    with talk.sessions() as session:
        receipts = session.scalar(
            text("SELECT count(*) FROM email_deliveries WHERE kind = 'receipt'")
        )
    assert receipts == 1


def test_the_same_capture_heard_twice_counts_once(talk):
    confirm = talk.confirm_sent()
    talk.hear(talk.succeeded(), about=confirm)

    talk.hear(talk.succeeded(), about=confirm)

    assert len(rows(talk, Allocation)) == 1
    assert talk.payment.captured_minor == 12_000


def test_silence_after_the_charge_leaves_the_payment_processing_and_asks_before_charging(talk):
    talk.confirm_sent()

    payment = talk.hear(Unknown("read timed out"))

    assert payment.status is PaymentStatus.PROCESSING
    assert payment.attempts[0].status is AttemptStatus.UNKNOWN
    assert isinstance(talk.ask(), Wait)
    talk.advance(seconds=2)
    asked = talk.ask()
    assert isinstance(asked, Instruction)
    assert asked.op is Op.GET_INTENT


def test_a_lost_answer_is_found_again_and_completes_the_payment(talk):
    talk.confirm_sent()
    talk.hear(Unknown("connection reset"))
    talk.advance(seconds=2)

    talk.turn(talk.succeeded())

    assert talk.payment.status is PaymentStatus.COMPLETED
    assert talk.payment.attempts[0].status is AttemptStatus.SUCCEEDED


def test_a_charge_that_never_arrived_is_sent_again_under_the_same_key_and_body(talk):
    first = talk.confirm_sent()
    talk.hear(Unknown("connection reset"))
    talk.advance(seconds=2)
    talk.turn(talk.still_open())

    second = talk.ask()

    assert isinstance(second, Instruction)
    assert (second.op, second.key, second.params) == (first.op, first.key, first.params)
    assert len(talk.payment.attempts) == 1


def test_a_crash_after_sending_asks_the_gateway_first(talk):
    talk.confirm_sent()  # and nobody ever heard the answer

    asked = talk.ask()

    assert isinstance(asked, Instruction)
    assert asked.op is Op.GET_INTENT


def test_a_stored_server_error_moves_on_to_a_new_attempt_with_a_new_key(talk):
    first = talk.confirm_sent()
    talk.hear(Unknown("500", received=True))
    talk.advance(seconds=2)
    talk.turn(talk.still_open())

    second = talk.ask()

    assert isinstance(second, Instruction)
    assert second.op is Op.CONFIRM_INTENT
    assert second.key != first.key


def test_a_hard_decline_fails_only_behind_the_gateways_cancel(talk):
    talk.confirm_sent()
    talk.hear(talk.declined())
    assert talk.payment.status is PaymentStatus.PROCESSING

    fence = talk.turn(talk.canceled())

    assert fence.op is Op.CANCEL_INTENT
    assert talk.payment.status is PaymentStatus.FAILED
    assert talk.payment.failure_code == "generic_decline"


def test_a_decline_before_any_charge_was_made_is_the_attempts_own(talk):
    talk.confirm_sent()

    payment = talk.hear(
        talk.intent(IntentStatus.REQUIRES_PAYMENT_METHOD, decline="authentication_required")
    )

    assert payment.attempts[0].status is AttemptStatus.DECLINED
    assert payment.failure_code == "authentication_required"


def test_a_late_capture_that_beats_the_fence_completes_the_payment(talk):
    talk.confirm_sent()
    talk.hear(talk.declined())
    talk.turn(WrongState("payment_intent_unexpected_state", "It has succeeded."))

    look = talk.turn(talk.succeeded("ch_2"))

    assert look.op is Op.GET_INTENT
    assert talk.payment.status is PaymentStatus.COMPLETED
    assert talk.payment.failure_code is None


def test_a_soft_decline_waits_and_asks_again_with_a_new_attempt_on_the_same_intent(talk):
    first = talk.confirm_sent()
    talk.hear(talk.declined("insufficient_funds"))
    assert isinstance(talk.ask(), Wait)
    talk.advance(minutes=2)

    second = talk.ask()

    assert isinstance(second, Instruction)
    assert (second.op, second.target) == (Op.CONFIRM_INTENT, first.target)
    assert second.key != first.key
    assert talk.payment.attempts[-1].n == 2


def test_a_look_in_between_does_not_bring_the_next_charge_forward(talk):
    talk.confirm_sent()
    talk.hear(talk.declined("insufficient_funds"))
    talk.advance(seconds=10)
    with talk.sessions.begin() as session:
        payments.check_now(session, talk.payment_id, now=talk.now)

    look = talk.turn(talk.declined("insufficient_funds"))
    wait = talk.ask()

    assert look.op is Op.GET_INTENT
    assert isinstance(wait, Wait)
    assert wait.seconds == pytest.approx(50.0)


def test_an_old_decline_is_not_taken_for_the_answer_to_a_new_attempt(talk):
    talk.confirm_sent()
    talk.hear(talk.declined("insufficient_funds", charge="ch_1"))
    talk.advance(minutes=2)
    talk.ask()
    talk.hear(Unknown("read timed out"))
    talk.advance(seconds=2)

    talk.turn(talk.declined("insufficient_funds", charge="ch_1"))

    assert [a.status for a in talk.payment.attempts] == [
        AttemptStatus.DECLINED,
        AttemptStatus.NOT_EXECUTED,
    ]


def test_four_declines_spend_the_budget_and_lead_to_the_fence(talk):
    talk.created()
    for n in range(1, 5):
        talk.turn(talk.declined("insufficient_funds", charge=f"ch_{n}"))
        talk.advance(hours=1, seconds=1)

    fence = talk.turn(talk.canceled())

    assert fence.op is Op.CANCEL_INTENT
    assert talk.payment.status is PaymentStatus.FAILED


def test_another_card_is_the_next_attempt_of_the_same_payment(talk):
    talk.confirm_sent()
    talk.hear(talk.declined("insufficient_funds"))

    with talk.sessions.begin() as session:
        payments.use_card(session, talk.payment_id, "pm_card_mastercard", now=talk.now)
    asked = talk.ask()

    assert isinstance(asked, Instruction)
    assert asked.params == {"payment_method": "pm_card_mastercard"}
    assert talk.payment.attempts[-1].n == 2


def test_another_card_is_refused_while_an_answer_is_outstanding(talk):
    talk.confirm_sent()

    with talk.sessions.begin() as session, pytest.raises(PaymentInProgress):
        payments.use_card(session, talk.payment_id, "pm_card_mastercard", now=talk.now)


def test_a_cancel_before_anything_was_sent_ends_at_once(talk):
    with talk.sessions.begin() as session:
        payments.request_cancel(session, talk.payment_id, now=talk.now)

    assert isinstance(talk.ask(), EndLocally)
    assert talk.payment.status is PaymentStatus.CANCELLED


def test_a_cancel_that_races_the_charge_ends_behind_the_fence(talk):
    confirm = talk.confirm_sent()
    with talk.sessions.begin() as session:
        payments.request_cancel(session, talk.payment_id, now=talk.now)

    fence = talk.ask()
    assert isinstance(fence, Instruction)
    assert fence.op is Op.CANCEL_INTENT
    talk.hear(talk.succeeded(), about=confirm)
    talk.hear(WrongState("payment_intent_unexpected_state", "succeeded"), about=fence)

    assert talk.payment.status is PaymentStatus.COMPLETED


@pytest.mark.parametrize("under_way", ["the charge", "a look"])
def test_a_cancel_asked_for_while_a_soft_decline_is_told_does_not_wait_for_the_next_charge(
    talk, under_way
):
    talk.confirm_sent()
    if under_way == "a look":
        talk.hear(talk.declined("insufficient_funds"))
        with talk.sessions.begin() as session:
            payments.check_now(session, talk.payment_id, now=talk.now)
        talk.ask()
    with talk.sessions.begin() as session:
        payments.request_cancel(session, talk.payment_id, now=talk.now)

    talk.hear(talk.declined("insufficient_funds"))

    assert talk.turn(talk.canceled()).op is Op.CANCEL_INTENT
    assert talk.payment.status is PaymentStatus.CANCELLED


def test_a_completed_payment_cannot_be_cancelled(talk):
    talk.confirm_sent()
    talk.hear(talk.succeeded())

    with talk.sessions.begin() as session, pytest.raises(PaymentNotCancellable, match="Refund"):
        payments.request_cancel(session, talk.payment_id, now=talk.now)


def test_a_payment_past_its_deadline_is_stopped_behind_the_fence(talk):
    talk.confirm_sent()
    talk.hear(Unknown("read timed out"))
    talk.advance(hours=25)

    fence = talk.turn(talk.canceled())

    assert fence.op is Op.CANCEL_INTENT
    assert talk.payment.status is PaymentStatus.FAILED
    assert talk.payment.failure_code == "deadline_passed"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"amount_minor": 12_001}, "another amount"),
        ({"currency": "EUR"}, "another currency"),
        ({"payment": "pay_of_somebody_else"}, "somebody else's intent"),
        ({"payment": None}, "nobody's intent"),
    ],
)
def test_an_answer_about_other_money_needs_a_person_and_moves_nothing(talk, changed, why):
    talk.confirm_sent()

    payment = talk.hear(talk.intent(IntentStatus.SUCCEEDED, charge="ch_1", **changed))

    assert payment.status is PaymentStatus.NEEDS_REVIEW, why
    assert payment.captured_minor == 0
    assert rows(talk, Allocation) == []


def test_a_foreign_intent_is_never_kept_as_ours(talk):
    payment = talk.turn(talk.intent(IntentStatus.REQUIRES_CONFIRMATION, payment="pay_other"))

    assert payment.op is Op.CREATE_INTENT
    assert talk.payment.gateway_intent_id is None
    assert talk.payment.status is PaymentStatus.NEEDS_REVIEW


@pytest.mark.parametrize("status", [401, 404])
def test_a_refused_request_needs_a_person_and_no_new_key(talk, status):
    first = talk.confirm_sent()

    payment = talk.hear(Rejected(status, "resource_missing", "No such intent."))

    assert payment.status is PaymentStatus.NEEDS_REVIEW
    assert isinstance(talk.ask(), Wait)
    talk.advance(hours=2)
    look = talk.ask()
    assert isinstance(look, Instruction)
    assert look.op is Op.GET_INTENT
    assert first.key == talk.payment.attempts[0].key
    assert len(talk.payment.attempts) == 1


def test_a_card_that_the_gateway_does_not_know_fails_the_payment_behind_the_fence(talk):
    talk.confirm_sent()
    talk.hear(Rejected(400, "resource_missing", "No such PaymentMethod.", "payment_method"))

    fence = talk.turn(talk.canceled())

    assert fence.op is Op.CANCEL_INTENT
    assert talk.payment.status is PaymentStatus.FAILED
    assert talk.payment.failure_code == "invalid_payment_method"


def test_a_payment_in_review_leaves_it_when_the_gateway_shows_the_capture(talk):
    talk.confirm_sent()
    talk.hear(Rejected(404, "resource_missing", "No such intent."))
    talk.advance(hours=2)

    talk.turn(talk.succeeded())

    assert talk.payment.status is PaymentStatus.COMPLETED


def test_a_busy_gateway_is_asked_again_with_the_same_key(talk):
    first = talk.confirm_sent()
    talk.hear(Busy(3.0, "rate limited"))
    wait = talk.ask()
    assert isinstance(wait, Wait)
    assert wait.seconds == pytest.approx(3.0)
    talk.advance(seconds=4)
    talk.turn(talk.still_open())

    second = talk.ask()

    assert isinstance(second, Instruction)
    assert second.key == first.key


def test_delays_after_silence_grow_and_stay_finite(talk):
    delays = []
    for _ in range(20):
        talk.ask()
        talk.hear(NotSent("connection refused"))
        wait = talk.ask()
        assert isinstance(wait, Wait)
        delays.append(wait.seconds)
        talk.advance(seconds=wait.seconds)

    assert delays == sorted(delays)
    assert delays[0] == pytest.approx(1.0)
    assert delays[-1] <= 3600.0


def test_the_intent_of_a_lost_race_is_cancelled_by_a_job_and_never_used(talk):
    loser = talk.ask()
    assert isinstance(loser, Instruction)
    winner = talk.ask()
    assert isinstance(winner, Instruction)
    talk.hear(talk.intent(IntentStatus.REQUIRES_CONFIRMATION, intent_id="pi_win"), about=winner)

    lost = talk.intent(IntentStatus.REQUIRES_CONFIRMATION, intent_id="pi_lost")
    talk.hear(lost, about=loser)

    assert talk.payment.gateway_intent_id == "pi_win"
    with talk.sessions() as session:
        orphans = session.scalars(
            text("SELECT args ->> 'intent_id' FROM queue.jobs WHERE kind = 'cancel_orphan_intent'")
        ).all()
    assert orphans == ["pi_lost"]


def test_a_later_intent_cannot_overwrite_the_stored_one(talk):
    talk.created()

    with talk.sessions() as session, pytest.raises(Exception, match="written once"):
        session.execute(text("UPDATE payments SET gateway_intent_id = 'pi_other'"))


def test_every_question_is_stored_before_it_is_asked(talk):
    confirm = talk.confirm_sent()

    stored = {row.id: row for row in rows(talk, GatewayRequest)}[confirm.request_id]

    assert (stored.key, stored.params, stored.status) == (confirm.key, confirm.params, "sent")
    assert stored.resend_until is not None


@pytest.mark.parametrize(
    "changed", [{"currency": "EUR"}, {"payment": "pay_other"}, {"amount_minor": 1}]
)
def test_other_money_is_no_capture_of_ours_by_whichever_door_it_comes(talk, changed):
    talk.confirm_sent()
    talk.hear(talk.declined())
    talk.turn(talk.canceled())
    seen = talk.intent(IntentStatus.SUCCEEDED, charge="ch_2", **changed)

    with talk.sessions.begin() as session:
        observations.observe_intent(session, talk.payment_id, seen, now=talk.now)

    assert talk.payment.status is PaymentStatus.FAILED
    assert rows(talk, Allocation) == []


def test_money_taken_after_the_end_is_recorded_with_an_alarm(talk):
    confirm = talk.confirm_sent()
    talk.hear(talk.declined())
    talk.turn(talk.canceled())
    assert talk.payment.status is PaymentStatus.FAILED

    talk.hear(talk.succeeded("ch_9"), about=confirm)

    assert talk.payment.status is PaymentStatus.COMPLETED
    assert len(rows(talk, Allocation)) == 1
