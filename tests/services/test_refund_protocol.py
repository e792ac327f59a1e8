"""Refunds: reserved first, sent once, looked for after silence, never sent blindly."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from payments_app.domain.errors import (
    InvalidAmount,
    PaymentNotRefundable,
    RefundExceedsPayment,
    RefundInProgress,
)
from payments_app.domain.invoice import CreditNote, Invoice, InvoiceStatus
from payments_app.domain.ledger import LedgerPosting
from payments_app.domain.refund import Refund, RefundStatus
from payments_app.domain.refund_steps import Park, next_refund_step
from payments_app.domain.steps import Wait
from payments_app.gateway.port import (
    Busy,
    Instruction,
    IntentStatus,
    Op,
    RefundSeen,
    RefundsListed,
    Rejected,
    Unknown,
)
from payments_app.gateway.port import RefundStatus as Seen
from payments_app.services import locking, refunding, refunds
from tests.support.business import a_payment
from tests.support.conversation import Conversation

REQUEST_LIFE_S = 22.0


@dataclass
class RefundTalk:
    """One refund and a gateway whose every answer the test chooses."""

    paid: Conversation
    refund_id: str
    asked: list[Instruction] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.paid.now

    @property
    def refund(self) -> Refund:
        with self.paid.sessions() as session:
            return refunds.get(session, self.refund_id)

    def ask(self) -> Instruction | Wait | Park:
        with self.paid.sessions.begin() as session:
            payment, refund = locking.lock_refund(session, self.refund_id)
            step = next_refund_step(refund, self.now, request_life_s=REQUEST_LIFE_S)
            if isinstance(step, Wait | Park):
                return step
            asked = refunding.begin(session, payment, refund, step, self.now, job_id=1, lease=1)
        self.asked.append(asked)
        return asked

    def hear(self, observation, *, about: Instruction | None = None) -> Refund:
        with self.paid.sessions.begin() as session:
            refunding.apply_refund_observation(
                session, (about or self.asked[-1]).request_id, observation, now=self.now
            )
        return self.refund

    def turn(self, observation) -> Instruction:
        asked = self.ask()
        assert isinstance(asked, Instruction), f"nothing is asked: {asked}"
        self.hear(observation)
        return asked

    def seen(self, status: Seen = Seen.SUCCEEDED, **changed) -> RefundSeen:
        refund, payment = self.refund, self.paid.payment
        shown: dict[str, Any] = {
            "refund_id": "re_1",
            "status": status,
            "amount_minor": refund.amount_minor,
            "currency": refund.currency,
            "intent_id": payment.gateway_intent_id,
            "refund": refund.id,
        }
        return RefundSeen(**(shown | changed))

    def listed(self, *found: RefundSeen) -> RefundsListed:
        return RefundsListed(self.paid.payment.gateway_intent_id or "", found)


@pytest.fixture
def paid(sessions) -> Conversation:
    return captured(Conversation.about_a_new_payment(sessions, total_minor=10_000, tax_rate="20"))


def captured(talk: Conversation) -> Conversation:
    talk.confirm_sent()
    talk.hear(talk.succeeded())
    return talk


def start(paid: Conversation, amount_minor: int = 12_000, **options) -> RefundTalk:
    with paid.sessions.begin() as session:
        made = refunds.request_refund(
            session, paid.payment_id, amount_minor=amount_minor, reason="order withdrawn",
            now=paid.now, **options,
        )  # fmt: skip
        return RefundTalk(paid, made.id)


def test_a_full_refund_takes_the_money_back_and_leaves_the_invoice_settled_by_a_credit_note(paid):
    talk = start(paid)

    sent = talk.turn(talk.seen())

    assert sent.op is Op.CREATE_REFUND
    assert sent.key == f"rfd:{talk.refund_id}:create"
    assert talk.refund.status is RefundStatus.COMPLETED
    payment = paid.payment
    assert (payment.refunded_minor, payment.refund_reserved_minor) == (12_000, 0)
    with paid.sessions() as session:
        invoice = session.scalars(select(Invoice)).one()
        note = session.scalars(select(CreditNote)).one()
        posting = session.scalars(
            select(LedgerPosting).where(LedgerPosting.kind == "credit_note")
        ).one()
    assert invoice.status is InvoiceStatus.PAID
    assert (invoice.allocated_minor, invoice.credited_minor) == (0, 12_000)
    assert (note.amount_minor, note.tax_minor, note.number) == (12_000, 2_000, None)
    assert sorted((t.debit_account, t.amount_minor) for t in posting.transfers) == [
        ("revenue", 10_000),
        ("tax", 2_000),
    ]


def test_a_refund_without_a_credit_note_reopens_the_invoice(paid):
    talk = start(paid, 5_000, with_credit_note=False)

    talk.turn(talk.seen())

    with paid.sessions() as session:
        invoice = session.scalars(select(Invoice)).one()
    assert invoice.status is InvoiceStatus.OPEN
    assert invoice.due_minor == 5_000


def test_a_refund_with_an_unknown_outcome_is_looked_for_before_it_is_sent_again(paid):
    talk = start(paid)
    first = talk.turn(Unknown("read timed out"))
    paid.now += timedelta(seconds=5)
    assert isinstance(talk.ask(), Wait)  # ours may still be on its way
    paid.now += timedelta(seconds=2 * REQUEST_LIFE_S)

    look = talk.turn(talk.listed())
    again = talk.ask()

    assert look.op is Op.LIST_REFUNDS
    assert isinstance(again, Instruction)
    assert (again.op, again.key, again.params) == (first.op, first.key, first.params)


def test_a_refund_that_the_list_shows_is_taken_as_done_and_not_sent_again(paid):
    talk = start(paid)
    talk.turn(Unknown("read timed out"))
    paid.now += timedelta(seconds=60)

    talk.turn(talk.listed(talk.seen()))

    assert talk.refund.status is RefundStatus.COMPLETED
    assert [asked.op for asked in talk.asked] == [Op.CREATE_REFUND, Op.LIST_REFUNDS]


def test_a_key_that_the_gateway_may_have_forgotten_is_never_used_again(paid):
    talk = start(paid)
    talk.turn(Unknown("read timed out"))
    paid.now += timedelta(hours=24)
    talk.turn(talk.listed())

    assert isinstance(talk.ask(), Park)


@pytest.mark.parametrize(("went_on_h", "is_parked"), [(22, False), (24, True)])
def test_a_key_that_is_old_by_the_gateways_own_clock_is_not_used_again(
    sessions, went_on_h, is_parked
):
    """Their clock was an hour ahead of ours; then it went on, and ours stood still."""
    paid = Conversation.about_a_new_payment(sessions)
    theirs = paid.now.timestamp() + 3600
    paid.confirm_sent()
    captured = paid.intent(IntentStatus.SUCCEEDED, charge="ch_1", server_time=theirs)
    paid.hear(captured)
    talk = start(paid)
    talk.turn(Unknown("read timed out"))
    paid.advance(minutes=1)

    later = theirs + went_on_h * 3600
    talk.turn(RefundsListed(captured.intent_id, (), server_time=later))

    if is_parked:
        assert (talk.refund.status, talk.refund.review_reason) == (
            RefundStatus.NEEDS_REVIEW,
            "key_expired",
        )
    else:
        again = talk.ask()
        assert isinstance(again, Instruction)
        assert again.op is Op.CREATE_REFUND


def test_a_refused_refund_releases_its_reservation_after_a_look_at_the_list(paid):
    talk = start(paid)
    talk.turn(Rejected(400, "charge_already_refunded", "Charge has already been refunded."))
    assert talk.refund.status is RefundStatus.PROCESSING

    look = talk.turn(talk.listed())

    assert look.op is Op.LIST_REFUNDS
    assert talk.refund.status is RefundStatus.FAILED
    assert paid.payment.refundable_minor == 12_000


def test_a_refusal_because_ours_was_done_already_completes_it(paid):
    talk = start(paid)
    talk.turn(Rejected(400, "charge_already_refunded", "Charge has already been refunded."))

    talk.turn(talk.listed(talk.seen()))

    assert talk.refund.status is RefundStatus.COMPLETED


@pytest.mark.parametrize("was_made", [False, True])
def test_an_error_stored_under_the_key_ends_with_what_the_list_shows_not_with_a_day_of_repeats(
    paid, was_made
):
    talk = start(paid)
    sent = talk.turn(Unknown("HTTP 500", received=True))
    paid.advance(minutes=1)
    talk.turn(talk.listed())
    again = talk.turn(Unknown("HTTP 500", received=True, replayed=True))
    assert isinstance(talk.ask(), Wait), "an earlier copy has its time before the list is believed"
    paid.advance(minutes=1)

    talk.turn(talk.listed(*[talk.seen()] if was_made else []))

    assert again.key == sent.key
    refund = talk.refund
    if was_made:
        assert refund.status is RefundStatus.COMPLETED
    else:
        assert (refund.status, refund.failure_code) == (RefundStatus.FAILED, "gateway_error")
        assert paid.payment.refundable_minor == 12_000


def test_a_rate_limited_first_send_counts_as_not_sent(paid):
    talk = start(paid)
    talk.turn(Busy(2.0, "rate limited"))
    paid.now += timedelta(seconds=3)

    again = talk.ask()

    assert isinstance(again, Instruction)
    assert again.op is Op.CREATE_REFUND


def test_a_pending_refund_is_asked_about_until_it_ends(paid):
    talk = start(paid)
    talk.turn(talk.seen(Seen.PENDING))
    paid.now += timedelta(seconds=10)

    look = talk.turn(talk.seen(Seen.SUCCEEDED))

    assert look.op is Op.GET_REFUND
    assert talk.refund.status is RefundStatus.COMPLETED


@pytest.mark.parametrize("changed", [{"amount_minor": 1}, {"currency": "EUR"}, {"refund": "rfd_x"}])
def test_an_answer_about_another_refund_needs_a_person(paid, changed):
    talk = start(paid)

    asked = talk.ask()
    assert isinstance(asked, Instruction)
    refund = talk.hear(talk.seen(**changed), about=asked)

    assert refund.status is RefundStatus.NEEDS_REVIEW
    assert paid.payment.refund_reserved_minor == 12_000


def test_the_same_answer_heard_twice_counts_once(paid):
    talk = start(paid, 4_000)
    sent = talk.turn(talk.seen())

    talk.hear(talk.seen(), about=sent)

    assert paid.payment.refunded_minor == 4_000


@pytest.mark.parametrize(("amount", "error"), [(0, InvalidAmount), (-1, InvalidAmount),
                                               (12_001, RefundExceedsPayment)])  # fmt: skip
def test_a_refund_beyond_what_was_taken_is_refused(paid, amount, error):
    with pytest.raises(error):
        start(paid, amount)


def test_a_part_that_cards_cannot_be_given_back_is_refused(sessions):
    dinars = captured(Conversation.about_a_new_payment(sessions, currency="KWD", total_minor=5_000))

    with pytest.raises(InvalidAmount) as refused:
        start(dinars, 1_234)

    assert refused.value.field == "amount_minor"
    assert dinars.payment.refund_reserved_minor == 0
    assert start(dinars, 1_230).refund.amount_minor == 1_230


def test_a_second_refund_waits_for_the_first(paid):
    start(paid, 1_000)

    with pytest.raises(RefundInProgress):
        start(paid, 1_000)


def test_an_uncompleted_payment_cannot_be_refunded(sessions):
    with sessions.begin() as session:
        payment = a_payment(session)

    with sessions.begin() as session, pytest.raises(PaymentNotRefundable):
        refunds.request_refund(
            session, payment.id, amount_minor=1, reason="x", now=payment.created_at
        )


def test_the_database_itself_refuses_more_refunds_than_captures(paid):
    with paid.sessions() as session, pytest.raises(IntegrityError, match="payments_refunds_check"):
        session.execute(text("UPDATE payments SET refund_reserved_minor = 12001"))
