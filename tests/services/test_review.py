"""A person decides: only what the rules allow, through the protocol, with a reason in the log."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from payments_app.domain.attempt import AttemptStatus
from payments_app.domain.errors import Invalid, NotFound, VersionConflict
from payments_app.domain.payment import PaymentStatus
from payments_app.domain.refund import RefundStatus
from payments_app.domain.review import Decision
from payments_app.gateway.port import Instruction, IntentStatus, Op, Rejected, Unknown
from payments_app.services import refunding, review
from payments_app.services.actor import act_as
from payments_app.services.review import DecisionRefused
from tests.services.test_refund_protocol import REQUEST_LIFE_S, RefundTalk, paid, start
from tests.support.conversation import Conversation

__all__ = ["paid"]  # A fixture of the refunds' own tests.

UNAUTHORIZED = Rejected(401, "authentication_error", "Invalid API key.")


@pytest.fixture
def parked(sessions) -> Conversation:
    """The charge was refused with a 401: nobody can say what is right but a person."""
    talk = Conversation.about_a_new_payment(sessions)
    talk.confirm_sent()
    talk.hear(UNAUTHORIZED)
    assert talk.payment.status is PaymentStatus.NEEDS_REVIEW
    return talk


def decide(talk: Conversation, decision: Decision, **said):
    said = {"reason": "the key is set again"} | said
    with talk.sessions.begin() as session:
        act_as(session, "user:usr_1", reason=said["reason"])
        review.decide_payment(session, talk.payment_id, decision, now=talk.now, **said)
    return talk.payment


def decide_refund(talk: RefundTalk, decision: Decision, **said):
    with talk.paid.sessions.begin() as session:
        act_as(session, "user:usr_1", reason="looked at the dashboard")
        review.decide_refund(
            session, talk.refund_id, decision, reason="looked", now=talk.now, **said
        )
    return talk.refund


def last_move(talk: Conversation, id: str):
    with talk.sessions() as session:
        return session.execute(
            text(
                "SELECT from_state, to_state, actor, reason FROM transition_log"
                " WHERE aggregate_id = :id ORDER BY id DESC LIMIT 1"
            ),
            {"id": id},
        ).one()


class TestPayments:
    def test_going_on_looks_first_and_charges_under_a_new_attempt_of_the_same_intent(self, parked):
        decide(parked, Decision.RESUME)

        look = parked.turn(parked.still_open())
        again = parked.ask()

        assert look.op is Op.GET_INTENT
        assert isinstance(again, Instruction)
        assert (again.op, again.target) == (Op.CONFIRM_INTENT, parked.payment.gateway_intent_id)
        assert again.key == parked.payment.last_attempt.key
        assert tuple(last_move(parked, parked.payment_id)) == (
            "needs_review",
            "processing",
            "user:usr_1",
            "the key is set again",
        )

    def test_stopping_heads_for_the_fence_and_only_its_answer_ends_it(self, parked):
        stopped = decide(parked, Decision.STOP)
        assert stopped.status is PaymentStatus.PROCESSING
        parked.turn(parked.still_open())

        fence = parked.turn(parked.canceled())

        assert fence.op is Op.CANCEL_INTENT
        assert parked.payment.status is PaymentStatus.CANCELLED
        assert parked.payment.review_reason is None  # It says why one waits, and none does.

    def test_asking_again_changes_nothing_but_the_time_of_the_next_look(self, parked):
        assert decide(parked, Decision.ASK).status is PaymentStatus.NEEDS_REVIEW

        look = parked.turn(parked.succeeded())

        assert look.op is Op.GET_INTENT
        assert parked.payment.status is PaymentStatus.COMPLETED

    def test_another_amount_is_recorded_as_the_gateway_took_it(self, parked):
        decide(parked, Decision.ASK)
        parked.turn(parked.intent(IntentStatus.SUCCEEDED, charge="ch_7", captured_minor=5_000))
        assert parked.payment.review_reason == "captured_amount_mismatch"
        with pytest.raises(Invalid, match="charge's id"):
            decide(parked, Decision.RECORD, reference="ch_8")

        payment = decide(parked, Decision.RECORD, reference="ch_7")

        assert (payment.status, payment.captured_minor) == (PaymentStatus.COMPLETED, 5_000)
        assert payment.last_attempt.status is AttemptStatus.SUCCEEDED
        with parked.sessions() as session:
            due = session.scalar(text("SELECT total_minor - allocated_minor FROM invoices"))
            posted = session.scalar(text("SELECT amount_minor FROM ledger_transfers t JOIN"
                                         " ledger_postings l ON l.id = t.posting_id"
                                         " WHERE l.kind = 'capture'"))  # fmt: skip
        assert (due, posted) == (7_000, 5_000)

    def test_a_capture_is_never_recorded_on_a_persons_word_alone(self, parked):
        with pytest.raises(DecisionRefused, match="last word is not that it captured"):
            decide(parked, Decision.RECORD, reference="ch_1")

        assert parked.payment.captured_minor == 0

    def test_somebody_elses_capture_is_never_recorded_as_ours(self, parked):
        decide(parked, Decision.ASK)
        parked.turn(parked.intent(IntentStatus.SUCCEEDED, charge="ch_7", payment="pay_other"))

        with pytest.raises(DecisionRefused, match="somebody else's intent"):
            decide(parked, Decision.RECORD, reference="ch_7")

        assert parked.payment.status is PaymentStatus.NEEDS_REVIEW

    def test_money_of_another_currency_settles_no_invoice(self, parked):
        decide(parked, Decision.ASK)
        parked.turn(parked.intent(IntentStatus.SUCCEEDED, charge="ch_7", currency="EUR"))

        with pytest.raises(DecisionRefused, match="another currency"):
            decide(parked, Decision.RECORD, reference="ch_7")

    def test_nobody_decides_about_what_has_changed_or_is_not_in_review(self, parked):
        with pytest.raises(VersionConflict):
            decide(parked, Decision.STOP, expected_version=parked.payment.version - 1)
        with pytest.raises(Invalid):
            decide(parked, Decision.STOP, reason=" ")
        with pytest.raises(DecisionRefused, match="no decision for this"):
            decide(parked, Decision.GIVE_UP)
        decide(parked, Decision.RESUME, expected_version=parked.payment.version)
        with pytest.raises(DecisionRefused, match="not in review any more"):
            decide(parked, Decision.STOP)
        with parked.sessions.begin() as session, pytest.raises(NotFound):
            review.decide_payment(session, "pay_0", Decision.ASK, reason="x", now=parked.now)

    def test_without_an_intent_there_is_nothing_to_ask_and_going_on_makes_one(self, sessions):
        talk = Conversation.about_a_new_payment(sessions)
        talk.turn(UNAUTHORIZED)
        with pytest.raises(DecisionRefused, match="nothing to ask about"):
            decide(talk, Decision.ASK)

        decide(talk, Decision.RESUME)

        asked = talk.ask()
        assert isinstance(asked, Instruction)
        assert (asked.op, asked.key) == (Op.CREATE_INTENT, f"pay:{talk.payment_id}:intent:2")


class TestRefunds:
    @pytest.fixture
    def refused(self, paid) -> RefundTalk:
        """The one send was refused with a 401."""
        talk = start(paid, 4_000)
        talk.turn(UNAUTHORIZED)
        assert talk.refund.status is RefundStatus.NEEDS_REVIEW
        return talk

    @pytest.fixture
    def silent(self, paid) -> RefundTalk:
        """A day without an answer: the key may be forgotten."""
        talk = start(paid, 4_000)
        talk.turn(Unknown("read timed out"))
        paid.now += timedelta(hours=24)
        talk.turn(talk.listed())
        with paid.sessions.begin() as session:
            refunding.park(session.merge(talk.refund), "key_expired", paid.now)
        return talk

    def test_going_on_reads_the_list_before_the_same_body_is_sent_again(self, refused):
        sent = refused.asked[0]
        decide_refund(refused, Decision.RESUME)
        refused.paid.now += timedelta(seconds=2 * REQUEST_LIFE_S + 1)

        look = refused.turn(refused.listed())
        again = refused.ask()

        assert look.op is Op.LIST_REFUNDS
        assert isinstance(again, Instruction)
        assert (again.key, again.params) == (sent.key, sent.params)

    def test_what_was_only_ever_refused_can_be_given_up_after_a_look(self, refused, paid):
        with pytest.raises(DecisionRefused, match="was not read since"):
            decide_refund(refused, Decision.GIVE_UP)
        decide_refund(refused, Decision.ASK)
        paid.now += timedelta(seconds=1)
        refused.turn(refused.listed())

        refund = decide_refund(refused, Decision.GIVE_UP)

        assert (refund.status, refund.failure_code) == (RefundStatus.FAILED, "given_up")
        assert refund.review_reason is None
        assert paid.payment.refundable_minor == 12_000

    def test_after_silence_the_forgotten_key_is_never_used_again(self, silent):
        with pytest.raises(DecisionRefused, match="twice"):
            decide_refund(silent, Decision.RESUME)

    def test_after_silence_it_is_given_up_only_when_a_late_list_does_not_show_it(self, silent):
        assert decide_refund(silent, Decision.GIVE_UP).status is RefundStatus.FAILED

    def test_what_may_still_arrive_is_not_given_up(self, paid):
        talk = start(paid, 4_000)
        talk.turn(Unknown("read timed out"))
        paid.now += timedelta(seconds=60)
        talk.turn(talk.listed())
        with paid.sessions.begin() as session:
            refunding.park(session.merge(talk.refund), "by hand", paid.now)

        with pytest.raises(DecisionRefused, match="still be on its way"):
            decide_refund(talk, Decision.GIVE_UP)
        assert paid.payment.refund_reserved_minor == 4_000

    def test_a_refund_made_by_hand_is_recorded_when_the_list_shows_it(self, silent, paid):
        decide_refund(silent, Decision.ASK)
        by_hand = silent.seen(refund_id="re_hand", refund=None)
        other = silent.seen(refund_id="re_other", refund="rfd_other")
        silent.turn(silent.listed(by_hand, other))
        with pytest.raises(Invalid, match="re_"):
            decide_refund(silent, Decision.RECORD, reference="re_other")
        with pytest.raises(DecisionRefused, match="Record it instead"):
            decide_refund(silent, Decision.GIVE_UP)

        refund = decide_refund(silent, Decision.RECORD, reference="re_hand")

        assert (refund.status, refund.gateway_refund_id) == (RefundStatus.COMPLETED, "re_hand")
        assert paid.payment.refunded_minor == 4_000
        assert last_move(paid, refund.id).actor == "user:usr_1"
