"""The customer's pages: one button, one charge, and no invitation to pay in doubt."""

import uuid

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.domain.invoice import Invoice
from payments_app.gateway.port import Unknown
from tests.support.business import an_open_invoice
from tests.support.conversation import Conversation
from tests.web.browser import Browser, field, words

VISA = "pm_card_visa"
DO_NOT_PAY_AGAIN = (
    "We are confirming with the bank. Do not pay again: you will not be charged twice."
)


@pytest.fixture
def link(sessions: sessionmaker[Session]) -> str:
    with sessions.begin() as session:
        return f"/i/{an_open_invoice(session, now=clock.now(session)).public_token}"


@pytest.fixture
def page_of(talk: Conversation, sessions: sessionmaker[Session]) -> str:
    """The customer's page of the payment in ``talk``."""
    with sessions() as session:
        invoice = session.get_one(Invoice, talk.payment.invoice_id)
        return f"/i/{invoice.public_token}/p/{talk.payment_id}"


def pay(visitor: Browser, link: str, **changed: str):
    page = visitor.get(link)
    names = ("idempotency_key", "amount_minor")
    fields = {name: field(page, name) for name in names} | {"payment_method": VISA}
    return visitor.submit(f"{link}/pay", fields | changed)


def payments(sessions: sessionmaker[Session]) -> int:
    with sessions() as session:
        return session.execute(text("SELECT count(*) FROM payments")).scalar_one()


class TestPaying:
    def test_one_button_with_the_amount(self, visitor: Browser, link: str):
        page = visitor.get(link)

        assert words(page).count("Pay $120.00") == 1
        assert str(uuid.UUID(field(page, "idempotency_key"))) == field(page, "idempotency_key")

    def test_paying_makes_one_payment_and_its_job(self, visitor, link, sessions):
        answer = pay(visitor, link)

        assert answer.status_code == 303
        assert "Your payment is on its way" in words(visitor.get(answer.headers["Location"]))
        with sessions() as session:
            kinds = session.execute(text("SELECT kind FROM queue.jobs")).scalars().all()
        assert kinds.count("process_payment") == 1

    def test_the_same_form_again_leads_to_the_same_payment(self, visitor, link, sessions):
        key = str(uuid.uuid4())
        first = pay(visitor, link, idempotency_key=key)
        fields = {"idempotency_key": key, "amount_minor": "12000", "payment_method": VISA}

        second = visitor.submit(f"{link}/pay", fields)

        assert second.headers["Location"] == first.headers["Location"]
        assert "Already submitted. This is the original payment." in words(
            visitor.get(second.headers["Location"])
        )
        assert payments(sessions) == 1

    def test_another_tab_is_led_to_the_payment_under_way(self, visitor, link, sessions):
        first = pay(visitor, link)
        fields = {"idempotency_key": str(uuid.uuid4()), "amount_minor": "12000"}

        second = visitor.submit(f"{link}/pay", fields | {"payment_method": VISA})

        assert second.headers["Location"] == first.headers["Location"]
        assert payments(sessions) == 1

    def test_the_same_key_with_another_card_is_refused(self, visitor, link, sessions):
        fields = {"idempotency_key": str(uuid.uuid4()), "amount_minor": "12000"}
        visitor.submit(f"{link}/pay", fields | {"payment_method": VISA})

        answer = visitor.submit(f"{link}/pay", fields | {"payment_method": "pm_card_slow"})

        assert answer.status_code == 422
        assert "sent before with another card" in words(answer)
        assert payments(sessions) == 1

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"payment_method": "4242424242424242"}, "Choose a card."),
            ({"amount_minor": ""}, "The amount is missing."),
            ({"amount_minor": "12001"}, "At most $120.00 is due."),
            ({"amount_minor": "0"}, "Pay at least one minor unit."),
        ],
    )
    def test_a_bad_form_is_refused_in_words(self, visitor, link, sessions, changed, said):
        answer = pay(visitor, link, **changed)

        assert answer.status_code == 422
        assert said in words(answer)
        assert payments(sessions) == 0

    def test_a_form_without_a_key_is_given_one_and_pays_once(self, visitor, link, sessions):
        answer = visitor.submit(f"{link}/pay", {"amount_minor": "12000", "payment_method": VISA})

        assert answer.status_code == 303
        assert payments(sessions) == 1

    def test_a_paid_invoice_has_no_button_and_a_receipt(self, visitor, paid, page_of):
        hosted = visitor.get(page_of.partition("/p/")[0])
        answer = visitor.get(f"{page_of}/receipt.pdf")

        fields = {"idempotency_key": str(uuid.uuid4()), "amount_minor": "12000"}
        late = visitor.submit(
            f"{page_of.partition('/p/')[0]}/pay", fields | {"payment_method": VISA}
        )

        assert "Nothing was charged again." in words(visitor.get(late.headers["Location"]))
        assert "Nothing is left to pay." in words(hosted)
        assert "Pay $" not in words(hosted)
        assert answer.data.startswith(b"%PDF")


class TestNotKnowing:
    def test_an_unknown_outcome_says_not_to_pay_again_and_offers_no_button(
        self, visitor, talk, page_of
    ):
        talk.confirm_sent()
        talk.hear(Unknown("read timed out"))

        for path in (page_of, page_of.partition("/p/")[0]):
            page = visitor.get(path)
            assert DO_NOT_PAY_AGAIN in words(page)
            assert "Failed" not in words(page)
            assert 'class="primary big-button"' not in page.text

    def test_a_bank_that_takes_long_is_said_before_anybody_pays_again(
        self, visitor, talk, page_of, sessions
    ):
        talk.confirm_sent()
        page = visitor.get(page_of)
        assert DO_NOT_PAY_AGAIN not in words(page)
        seen = page.text.split("seen=")[1].split('"')[0]

        with sessions.begin() as session:
            session.execute(text("UPDATE payment_attempts SET sent_at = now() - interval '4 s'"))

        for path in (f"{page_of}/live?seen={seen}", page_of.partition("/p/")[0]):
            assert DO_NOT_PAY_AGAIN in words(visitor.get(path))

    def test_paying_all_the_same_leads_back_to_it(self, visitor, talk, page_of, sessions):
        talk.confirm_sent()
        talk.hear(Unknown("read timed out"))
        link = page_of.partition("/p/")[0]
        fields = {"idempotency_key": str(uuid.uuid4()), "amount_minor": "12000"}

        answer = visitor.submit(f"{link}/pay", fields | {"payment_method": VISA})

        assert answer.headers["Location"] == page_of
        assert payments(sessions) == 1

    def test_the_page_shows_the_end_by_itself(self, visitor, talk, page_of):
        seen = visitor.get(page_of).text.split("seen=")[1].split('"')[0]
        assert visitor.get(f"{page_of}/live?seen={seen}").status_code == 204

        talk.confirm_sent()
        talk.hear(talk.succeeded())

        answer = visitor.get(f"{page_of}/live?seen={seen}")
        assert "Your card was charged once." in words(answer)
        assert "hx-trigger" not in answer.text


class TestDeclines:
    def test_a_soft_decline_takes_another_card_for_the_same_payment(
        self, visitor, talk, page_of, sessions
    ):
        talk.confirm_sent()
        talk.hear(talk.declined("insufficient_funds"))
        assert "The card has not enough money on it." in words(visitor.get(page_of))

        visitor.submit(f"{page_of}/card", {"payment_method": "pm_card_slow"})

        assert talk.payment.payment_method == "pm_card_slow"
        assert payments(sessions) == 1

    def test_another_card_while_an_attempt_is_under_way_is_not_used(self, visitor, talk, page_of):
        talk.confirm_sent()

        answer = visitor.submit(f"{page_of}/card", {"payment_method": "pm_card_slow"})

        assert "Nothing was sent twice" in words(visitor.get(answer.headers["Location"]))
        assert talk.payment.payment_method == VISA

    def test_a_failed_payment_can_be_followed_by_a_new_one(self, visitor, talk, page_of, sessions):
        talk.confirm_sent()
        talk.hear(talk.declined("stolen_card"))
        talk.ask()
        talk.hear(talk.canceled())
        page = words(visitor.get(page_of))
        assert "Nothing was charged. You can pay again." in page

        answer = pay(visitor, page_of.partition("/p/")[0])

        assert answer.status_code == 303
        assert payments(sessions) == 2


class TestTheLink:
    def test_a_wrong_an_expired_and_a_drafts_link_look_the_same(self, visitor, link, sessions):
        with sessions.begin() as session:
            session.execute(text("UPDATE invoices SET public_token_expires_at = now()"))

        expired, wrong = visitor.get(link), visitor.get(f"/i/{'0' * 64}")

        assert (expired.status_code, wrong.status_code) == (404, 404)
        assert words(expired) == words(wrong)
        assert "INV-" not in words(expired)

    def test_the_payment_of_another_invoice_is_not_found(self, visitor, link, talk):
        assert visitor.get(f"{link}/p/{talk.payment_id}").status_code == 404
        assert visitor.submit(f"{link}/p/{talk.payment_id}/card").status_code in (303, 404)
        assert visitor.get(f"{link}/p/{talk.payment_id}/receipt.pdf").status_code == 404

    def test_it_is_not_indexed_not_referred_and_not_kept(self, visitor, link):
        headers = visitor.get(link).headers

        assert headers["Referrer-Policy"] == "no-referrer"
        assert "noindex" in headers["X-Robots-Tag"]
        assert headers["Cache-Control"] == "no-store"

    def test_guessing_is_slowed_down(self, app: Flask, visitor, link):
        for _ in range(20):
            visitor.get("/i/guess")

        answer = visitor.get("/i/guess")

        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0

    def test_a_void_invoice_says_that_nothing_is_to_be_paid(self, owner, visitor, link, sessions):
        with sessions() as session:
            invoice_id = session.execute(text("SELECT id FROM invoices")).scalar_one()
        owner.submit(f"/invoices/{invoice_id}/void", {"reason": "mistake"})

        page = words(visitor.get(link))

        assert "This invoice was cancelled. Nothing to pay." in page
        assert "Pay $" not in page
