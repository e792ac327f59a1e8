"""Where halves go: chosen with the draft, frozen with its figures, used by all who recompute."""

from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from payments_app.domain.invoice import CreditNote, Invoice
from payments_app.domain.money import Rounding
from payments_app.services import invoices, refunds
from payments_app.services.invoices import LineDraft
from tests.services.test_refund_protocol import RefundTalk, captured
from tests.support.audited import broken_rows
from tests.support.business import NOW, a_customer, an_open_invoice
from tests.support.conversation import Conversation

each_way = pytest.mark.parametrize(
    ("rounding", "tax"), [(Rounding.HALF_UP, 3), (Rounding.HALF_EVEN, 2)]
)
# Halves over odd and over even figures, in lines and in taxes, and what is no half.
HALVES = [
    LineDraft(f"{quantity} at {unit}", Decimal(quantity), unit, Decimal(rate))
    for quantity, unit, rate in (
        ("0.5", 1, "5"), ("0.5", 3, "5"), ("2.5", 1, "10"), ("3.5", 1, "10"), ("1", 50, "7"),
        ("1", 150, "7"), ("0.499", 1_000, "2.5"), ("0.001", 1_500, "1"), ("0.501", 1, "33.333"),
    )
]  # fmt: skip


@each_way
def test_half_a_unit_of_tax_goes_where_the_invoice_says_and_is_frozen_so(sessions, rounding, tax):
    with sessions.begin() as session:
        made = an_open_invoice(session, total_minor=50, tax_rate="5", rounding=rounding)

    assert (made.tax_minor, made.total_minor) == (tax, 50 + tax)
    assert made.document is not None
    assert made.document["rounding"] == rounding
    assert made.document["tax_groups"][0]["tax_minor"] == tax


@each_way
def test_a_void_takes_back_what_was_posted(sessions, rounding, tax):
    with sessions.begin() as session:
        made = an_open_invoice(session, total_minor=50, tax_rate="5", rounding=rounding)
        invoices.void(session, made.id, reason="Sent twice", now=NOW)

    assert broken_rows(sessions) == []


@each_way
def test_a_credit_note_over_all_of_it_credits_the_tax_of_the_invoice(sessions, rounding, tax):
    talk = Conversation.about_a_new_payment(
        sessions, total_minor=50, tax_rate="5", rounding=rounding
    )
    captured(talk)
    with sessions.begin() as session:
        asked = refunds.request_refund(
            session, talk.payment_id, amount_minor=50 + tax, reason="returned", now=talk.now
        )
    refund = RefundTalk(talk, asked.id)
    refund.turn(refund.seen())

    with sessions() as session:
        assert session.scalars(select(CreditNote.tax_minor)).one() == tax
    assert broken_rows(sessions) == []


@pytest.mark.parametrize("rounding", list(Rounding))
def test_the_audit_comes_to_the_same_figures(sessions, rounding):
    with sessions.begin() as session:
        draft = invoices.create_draft(
            session, customer_id=a_customer(session).id, currency="USD", lines=HALVES,
            rounding=rounding, now=NOW,
        )  # fmt: skip
        invoices.request_finalize(session, draft.id, now=NOW)
        invoices.finalize(session, draft.id, now=NOW)
    assert broken_rows(sessions) == []

    with sessions.begin() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("UPDATE invoices SET rounding = CASE rounding"
                             " WHEN 'half_up' THEN 'half_even' ELSE 'half_up' END"))  # fmt: skip
    assert any("its lines say" in line for line in broken_rows(sessions))


def test_how_a_numbered_invoice_rounds_cannot_be_changed(sessions):
    with sessions.begin() as session:
        an_open_invoice(session)

    with pytest.raises(IntegrityError, match="its figures cannot change"), sessions.begin() as one:
        one.execute(text("UPDATE invoices SET rounding = 'half_even'"))


def test_a_draft_that_is_changed_is_rounded_anew(sessions):
    line = LineDraft("Work", Decimal("2.5"), 1, Decimal(0))
    with sessions.begin() as session:
        customer_id = a_customer(session).id
        draft = {"customer_id": customer_id, "currency": "USD", "lines": [line], "now": NOW}
        made = invoices.create_draft(session, **draft)
        assert made.total_minor == 3

        invoices.change_draft(session, made.id, rounding=Rounding.HALF_EVEN, **draft)

    with sessions() as session:
        assert session.get_one(Invoice, made.id).total_minor == 2
