"""Over- and part-payments: what is too much becomes credit, is used once, or given back once."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from payments_app.domain.errors import (
    InvalidAmount,
    InvoiceNotOpen,
    PaymentInProgress,
    RefundExceedsPayment,
)
from payments_app.domain.invoice import Invoice, InvoiceStatus
from payments_app.gateway.port import IntentStatus
from payments_app.queries import credit as queries
from payments_app.services import credit, invoices, payments, refunds
from payments_app.services.credit import NoCredit
from payments_app.services.invoices import LineDraft
from tests.services.test_refund_protocol import RefundTalk
from tests.support.audited import broken_rows
from tests.support.conversation import Conversation


def another_invoice(
    session: Session, customer_id: str, now, total_minor: int, currency: str = "USD"
) -> Invoice:
    line = LineDraft("More", Decimal(1), total_minor, Decimal(0))
    draft = invoices.create_draft(
        session, customer_id=customer_id, currency=currency, lines=[line], now=now
    )
    session.flush()
    invoices.request_finalize(session, draft.id, now=now)
    return invoices.finalize(session, draft.id, now=now)


@pytest.fixture
def over(sessions) -> Conversation:
    return paid_too_much(sessions)


def paid_too_much(sessions, currency: str = "USD") -> Conversation:
    """A payment was given up and captured after all, when another one had paid the invoice."""
    late = Conversation.about_a_new_payment(sessions, total_minor=12_000, currency=currency)
    late.confirm_sent()
    late.hear(late.declined("stolen_card"))
    late.turn(late.canceled())
    with sessions.begin() as session:
        again = payments.request_payment(
            session, late.payment.invoice_id, payment_method="pm_card_visa",
            amount_minor=9_000, now=late.now,
        )  # fmt: skip
    paid = Conversation(sessions, again.id)
    paid.confirm_sent()
    paid.hear(paid.succeeded("ch_2"))
    late.hear(late.succeeded("ch_1"), about=late.asked[1])
    return late


def use(talk: Conversation, invoice_id: str, amount_minor: int | None = None):
    with talk.sessions.begin() as session:
        return credit.apply(session, invoice_id, amount_minor=amount_minor, now=talk.now)


def balance(talk: Conversation) -> dict[str, int]:
    with talk.sessions() as session:
        return queries.balances(session, talk.payment.customer_id)


def test_what_was_paid_too_much_is_kept_as_credit(over):
    with over.sessions() as session:
        invoice = session.get_one(Invoice, over.payment.invoice_id)

    assert (invoice.status, invoice.allocated_minor) == (InvoiceStatus.PAID, 12_000)
    assert balance(over) == {"USD": 9_000}
    assert broken_rows(over.sessions) == []


def test_credit_settles_the_next_invoice_in_parts_and_the_books_agree(over):
    with over.sessions.begin() as session:
        small = another_invoice(session, over.payment.customer_id, over.now, 2_000)
        big = another_invoice(session, over.payment.customer_id, over.now, 20_000)

    assert use(over, small.id).amount_minor == 2_000
    assert use(over, big.id, 1_000).amount_minor == 1_000
    assert use(over, big.id).amount_minor == 6_000

    with over.sessions() as session:
        assert session.get_one(Invoice, small.id).status is InvoiceStatus.PAID
        assert session.get_one(Invoice, big.id).due_minor == 13_000
    assert balance(over) == {}
    with pytest.raises(NoCredit):
        use(over, big.id)
    assert broken_rows(over.sessions) == []


def test_used_credit_cannot_be_given_back_as_well(over):
    with over.sessions.begin() as session:
        other = another_invoice(session, over.payment.customer_id, over.now, 5_000)
    use(over, other.id)
    with over.sessions.begin() as session, pytest.raises(RefundExceedsPayment, match=r"\$70.00"):
        refunds.request_refund(session, over.payment_id, amount_minor=7_001, reason="x",
                               now=over.now)  # fmt: skip

    with over.sessions.begin() as session:
        made = refunds.request_refund(session, over.payment_id, amount_minor=7_000, reason="x",
                                      now=over.now)  # fmt: skip
    assert balance(over) == {}  # Reserved: it is on its way back.
    back = RefundTalk(over, made.id)
    back.turn(back.seen())

    assert over.payment.refundable_minor == 0
    assert broken_rows(over.sessions) == []


@pytest.mark.parametrize(("refunded", "off_the_invoice"), [(9_000, 0), (9_500, 500)])
def test_a_refund_gives_back_what_was_paid_too_much_before_it_touches_the_invoice(
    over, refunded, off_the_invoice
):
    """Of 12,000 captured only 3,000 were due; a refund that took from the invoice first would
    reopen it while the customer still has credit.
    """
    with over.sessions.begin() as session:
        made = refunds.request_refund(
            session, over.payment_id, amount_minor=refunded, reason="twice", now=over.now
        )
    back = RefundTalk(over, made.id)
    back.turn(back.seen())

    with over.sessions() as session:
        invoice = session.get_one(Invoice, over.payment.invoice_id)
        given = session.scalar(
            text("SELECT coalesce(-sum(amount_minor), 0) FROM allocations WHERE source_id = :id"),
            {"id": made.id},
        )
    assert given == off_the_invoice
    assert invoice.allocated_minor == 12_000 - off_the_invoice
    assert balance(over) == {}
    assert broken_rows(over.sessions) == []


def test_the_database_itself_refuses_to_spend_the_same_money_twice(over):
    with over.sessions() as session, pytest.raises(IntegrityError, match="payments_refunds_check"):
        session.execute(
            text("UPDATE payments SET refunded_minor = 9000, credit_used_minor = 9000"
                 " WHERE id = :id"), {"id": over.payment_id},
        )  # fmt: skip


def test_credit_is_refused_where_a_payment_may_still_capture(over):
    with over.sessions.begin() as session:
        other = another_invoice(session, over.payment.customer_id, over.now, 5_000)
        payments.request_payment(session, other.id, payment_method="pm_card_visa", now=over.now)

    with pytest.raises(PaymentInProgress):
        use(over, other.id)


def test_credit_has_bounds(over, sessions):
    with sessions.begin() as session:
        other = another_invoice(session, over.payment.customer_id, over.now, 5_000)
        line = LineDraft("Draft", Decimal(1), 100, Decimal(0))
        draft = invoices.create_draft(
            session, customer_id=over.payment.customer_id, currency="USD", lines=[line],
            now=over.now,
        )  # fmt: skip
        session.flush()
    for amount in (0, -1, 5_001):
        with pytest.raises(InvalidAmount):
            use(over, other.id, amount)
    with pytest.raises(InvoiceNotOpen):
        use(over, draft.id)
    stranger = Conversation.about_a_new_payment(sessions, now=over.now)
    stranger.created()
    stranger.turn(stranger.intent(IntentStatus.CANCELED))
    with pytest.raises(NoCredit):
        use(over, stranger.payment.invoice_id)


MINOR = st.integers(1, 30_000)


@given(due=MINOR, left=MINOR, wanted=st.none() | MINOR)
def test_whatever_credit_is_used_the_rest_can_be_charged(due, left, wanted):
    try:
        used = credit.amount_to_use("KWD", wanted, due, left)
    except NoCredit:
        assert min(due, left) < 10
    except InvalidAmount:
        assert wanted is not None
    else:
        assert 0 < used <= min(due, left)
        assert (due - used) % 10 == 0


def test_an_odd_credit_is_used_as_far_as_it_goes():
    assert credit.amount_to_use("KWD", None, 10_000, 5_007) == 5_000
    with pytest.raises(NoCredit, match=r"0\.007: too little"):
        credit.amount_to_use("KWD", None, 10_000, 7)


def test_credit_is_used_in_parts_that_leave_something_to_charge(sessions):
    dinars = paid_too_much(sessions, "KWD")
    with sessions.begin() as session:
        other = another_invoice(session, dinars.payment.customer_id, dinars.now, 5_000, "KWD")

    with pytest.raises(InvalidAmount, match="in steps of"):
        use(dinars, other.id, 1_234)

    assert use(dinars, other.id, 1_230).amount_minor == 1_230
