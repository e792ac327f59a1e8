"""Payments on pages: the list, the timeline, refunds, cancelling, asking the gateway."""

import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from payments_app.domain.access import Role
from payments_app.domain.errors import RefundBeyondLimit
from payments_app.gateway.port import Unknown
from payments_app.services import refunds as service
from payments_app.services.actor import act_as
from tests.support.conversation import Conversation
from tests.web.browser import Browser, words
from tests.web.conftest import BrowserOf

REFUND = {"kind": "full", "reason": "requested", "with_credit_note": "yes"}


def refunds(sessions: sessionmaker[Session]) -> list[int]:
    with sessions() as session:
        found = session.execute(text("SELECT amount_minor FROM refunds ORDER BY id"))
        return list(found.scalars())


def test_the_page_of_a_completed_payment_says_once(owner: Browser, paid: Conversation):
    page = words(owner.get(f"/payments/{paid.payment_id}"))

    assert "The card was charged once" in page
    assert "Charges 1" in page
    assert "Ledger posted (capture), balanced" in page


def test_a_lost_answer_is_shown_as_confirming_and_never_as_failed(
    owner: Browser, talk: Conversation
):
    talk.confirm_sent()
    talk.hear(Unknown("read timed out"))

    for path in (f"/payments/{talk.payment_id}", "/payments", "/"):
        page = words(owner.get(path))
        assert "Confirming" in page
    assert "will not be charged twice" in words(owner.get(f"/payments/{talk.payment_id}"))
    assert "Failed" not in words(owner.get(f"/payments/{talk.payment_id}"))


def test_the_part_that_updates_itself_sends_only_news(owner: Browser, talk: Conversation):
    path = f"/payments/{talk.payment_id}"
    seen = owner.get(path).text.split("seen=")[1].split('"')[0]
    assert owner.get(f"{path}/live?seen={seen}").status_code == 204

    talk.confirm_sent()

    answer = owner.get(f"{path}/live?seen={seen}")
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="live"')
    assert "every 2s" in answer.text


def test_a_finished_payment_stops_asking(owner: Browser, paid: Conversation):
    assert "every 2s" not in owner.get(f"/payments/{paid.payment_id}").text


def test_a_cancel_asks_first_and_leaves_the_answer_to_the_gateway(
    owner: Browser, talk: Conversation
):
    path = f"/payments/{talk.payment_id}"
    assert "Cancel this payment?" in words(owner.get(f"{path}/cancel"))

    answer = owner.submit(f"{path}/cancel")

    assert "Its answer decides" in words(owner.get(answer.headers["Location"]))
    assert talk.payment.stop_reason == "cancel_requested"


def test_who_cancels_may_have_the_money_back_if_the_bank_was_faster(
    owner: Browser, talk: Conversation
):
    path = f"/payments/{talk.payment_id}/cancel"
    assert "refund it at once" in words(owner.get(path))

    owner.submit(path, {"refund_if_captured": "yes"})

    assert talk.payment.refund_if_captured


def test_a_completed_payment_is_not_cancelled(owner: Browser, paid: Conversation):
    answer = owner.submit(f"/payments/{paid.payment_id}/cancel")

    assert answer.status_code == 409
    assert "Refund it instead" in words(answer)


def test_checking_with_the_gateway_wakes_the_job(owner: Browser, talk: Conversation):
    answer = owner.submit(f"/payments/{talk.payment_id}/check")

    assert "The gateway is being asked now." in words(owner.get(answer.headers["Location"]))


class TestRefunds:
    @pytest.fixture
    def path(self, paid: Conversation) -> str:
        return f"/payments/{paid.payment_id}/refunds/new"

    def test_everything_that_is_left(self, owner, path, sessions):
        assert "$120.00 of $120.00 can be refunded." in words(owner.get(path))

        answer = owner.submit(path, REFUND)

        assert answer.status_code == 303
        assert refunds(sessions) == [12_000]
        assert "Refund −$120.00" in words(owner.get(answer.headers["Location"]))

    def test_a_part(self, owner, path, sessions):
        owner.submit(path, REFUND | {"kind": "partial", "amount": "20.00"})

        assert refunds(sessions) == [2_000]

    def test_the_same_form_twice_is_one_refund(self, owner, path, sessions):
        form = REFUND | {"kind": "partial", "amount": "20", "idempotency_key": str(uuid.uuid4())}
        owner.submit(path, form)

        answer = owner.submit(path, form)

        assert "This is the original refund." in words(owner.get(answer.headers["Location"]))
        assert refunds(sessions) == [2_000]

    def test_a_second_one_waits_for_the_first(self, owner, path, sessions):
        owner.submit(path, REFUND | {"kind": "partial", "amount": "20"})

        answer = owner.submit(path, REFUND | {"kind": "partial", "amount": "10"})

        assert answer.status_code == 409
        assert "Wait until it has ended" in words(answer)
        assert refunds(sessions) == [2_000]

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"kind": "partial", "amount": "120.01"}, "At most $120.00 is left to refund."),
            ({"kind": "partial", "amount": "0"}, "Refund at least one minor unit."),
            ({"kind": "partial", "amount": "a lot"}, "Write it like 1,234.50"),
            ({"kind": "partial", "amount": ""}, "Write it like 1,234.50"),
            ({"reason": ""}, "Choose a reason."),
            ({"reason": "other", "reason_text": ""}, "Write the reason."),
            ({"reason": "other", "reason_text": "x" * 201}, "At most 200 characters"),
        ],
    )
    def test_a_bad_form_is_refused_in_words(self, owner, path, sessions, changed, said):
        answer = owner.submit(path, REFUND | changed)

        assert answer.status_code == 422
        assert said in words(answer)
        assert refunds(sessions) == []

    def test_staff_give_back_up_to_their_limit(self, browser_of: BrowserOf, sessions, paid, path):
        staff = browser_of(Role.STAFF)

        assert staff.submit(path, REFUND).status_code == 303

    def test_a_payment_that_took_nothing_has_nothing_to_refund(self, owner, talk):
        path = f"/payments/{talk.payment_id}"

        assert "Refund" not in words(owner.get(path)).split()
        assert "can be refunded" in words(owner.get(f"{path}/refunds/new"))


def test_staff_may_not_refund_more_than_their_limit(
    browser_of: BrowserOf, sessions: sessionmaker[Session], talk: Conversation
):
    big = Conversation.about_a_new_payment(sessions, total_minor=20_001, now=talk.now)
    big.now = talk.now
    big.confirm_sent()
    big.hear(big.succeeded("ch_big"))
    staff = browser_of(Role.STAFF)

    answer = staff.submit(f"/payments/{big.payment_id}/refunds/new", REFUND)

    assert answer.status_code == 422
    assert "Staff may refund up to $200.00" in words(answer)


def test_the_limit_of_staff_holds_in_slices_and_beside_the_page(
    browser_of: BrowserOf, sessions: sessionmaker[Session], talk: Conversation
):
    big = Conversation.about_a_new_payment(sessions, total_minor=60_000, now=talk.now)
    big.now = talk.now
    big.confirm_sent()
    big.hear(big.succeeded("ch_big"))
    browser_of(Role.STAFF)
    with sessions.begin() as session:
        staff = session.execute(text("SELECT 'user:' || id FROM users")).scalar_one()
        session.execute(
            text("UPDATE payments SET refunded_minor = 15000 WHERE id = :id"),
            {"id": big.payment_id},
        )

    with sessions.begin() as session:
        act_as(session, staff)
        with pytest.raises(RefundBeyondLimit):
            service.request_refund(
                session, big.payment_id, amount_minor=5_001, reason="x", now=talk.now
            )
        assert service.request_refund(
            session, big.payment_id, amount_minor=5_000, reason="x", now=talk.now
        )


def test_the_ledger_balances_to_nothing(owner: Browser, paid: Conversation):
    page = words(owner.get("/ledger"))

    assert "Balanced Trial balance $0.00" in page
    assert "Gateway clearing" in page
    assert "Capture" in words(owner.get("/ledger?account=gateway_clearing"))


def test_an_empty_business_is_shown_its_three_steps(owner: Browser):
    page = words(owner.get("/"))

    assert "Three steps to the first payment" in page
    assert "No entries yet" in words(owner.get("/ledger"))
    assert "No payments yet" in words(owner.get("/payments"))
