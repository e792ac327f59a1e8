"""Invoices on pages: tabs and search, sending, the document, deleting, voiding."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.domain.access import Role
from payments_app.services import invoices
from tests.support.business import an_open_invoice
from tests.web.browser import Browser, words
from tests.web.conftest import BrowserOf

LINE = {"description": "Work", "quantity": "1", "unit_price": "120", "tax_rate": "0"}


@pytest.fixture
def draft(owner: Browser) -> str:
    customer = owner.submit("/customers/new", {"name": "Ada Ltd", "email": "ada@example.com"})
    customer_id = customer.headers["Location"].rpartition("/")[2]
    form = {"customer_id": customer_id, "currency": "USD", "do": "save", **LINE}
    return owner.submit("/invoices/new", form).headers["Location"]


@pytest.fixture
def open_invoice(sessions: sessionmaker[Session]) -> str:
    with sessions.begin() as session:
        return f"/invoices/{an_open_invoice(session, now=clock.now(session)).id}"


def test_sending_asks_first_and_then_waits_for_its_number(owner: Browser, draft: str, sessions):
    assert "Send this invoice?" in words(owner.get(f"{draft}/send"))

    owner.submit(f"{draft}/send")

    page = owner.get(draft)
    assert "The invoice is being sent" in words(page)
    assert "every 2s" in page.text
    assert "Edit" not in words(page).split()


def test_the_waiting_page_is_told_to_load_again_when_the_number_is_there(
    owner: Browser, draft: str, sessions: sessionmaker[Session]
):
    owner.submit(f"{draft}/send")
    seen = owner.get(draft).text.split("seen=")[1].split('"')[0]
    assert owner.get(f"{draft}/live?seen={seen}").headers.get("HX-Refresh") is None

    with sessions.begin() as session:
        invoices.finalize(session, draft.rpartition("/")[2], now=clock.now(session))

    answer = owner.get(f"{draft}/live?seen={seen}")
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")
    assert "INV-" in words(owner.get(draft))


def test_an_invoice_about_to_be_sent_is_not_edited(owner: Browser, draft: str):
    owner.submit(f"{draft}/send")

    answer = owner.get(f"{draft}/edit")

    assert answer.status_code == 409
    assert "cannot be edited" in words(answer)


def test_a_draft_without_a_price_is_refused_at_once(owner: Browser, draft: str):
    form = {"customer_id": _customer(owner, draft), "currency": "USD", "do": "save"}

    answer = owner.submit(f"{draft}/edit", {**form, **LINE, "unit_price": "0"})

    assert answer.status_code == 422
    assert "there is nothing to pay" in words(answer)


def test_a_draft_is_deleted_after_asking(owner: Browser, draft: str):
    assert "Delete this draft?" in words(owner.get(f"{draft}/delete"))

    owner.submit(f"{draft}/delete")

    assert owner.get(draft).status_code == 404


def test_voiding_needs_a_reason(owner: Browser, open_invoice: str):
    answer = owner.submit(f"{open_invoice}/void", {"reason": " "})

    assert answer.status_code == 422
    assert "Enter a reason." in words(answer)

    owner.submit(f"{open_invoice}/void", {"reason": "sent by mistake"})
    assert "Void" in words(owner.get(open_invoice))


def test_staff_may_write_invoices_and_not_void_them(browser_of: BrowserOf, open_invoice: str):
    staff = browser_of(Role.STAFF)

    assert staff.get("/invoices/new").status_code == 200
    assert staff.submit(f"{open_invoice}/void", {"reason": "x"}).status_code == 403
    assert "Void invoice" not in words(staff.get(open_invoice))


def test_an_invoice_with_a_live_payment_is_not_voided(owner: Browser, talk):
    path = f"/invoices/{talk.payment.invoice_id}"

    answer = owner.submit(f"{path}/void", {"reason": "mistake"})

    assert answer.status_code == 409
    assert "still under way" in words(answer)


def test_tabs_count_what_they_show(owner: Browser, draft: str, open_invoice: str):
    everything = words(owner.get("/invoices"))
    only_open = words(owner.get("/invoices?tab=open"))

    assert "All 2 Draft 1 Open 1 Overdue 0" in everything
    assert "1–1 of 1" in only_open
    assert "Draft $" not in only_open


def test_search_finds_by_customer_and_takes_wildcards_as_text(owner: Browser, draft: str):
    assert "Ada Ltd" in words(owner.get("/invoices?q=ada"))
    assert "No invoice matches" in words(owner.get("/invoices?q=%25"))


@pytest.mark.parametrize("page", ["0", "-3", "99999999999999", "two", "²"])
def test_an_odd_page_number_is_no_error(owner: Browser, draft: str, page: str):
    assert owner.get(f"/invoices?page={page}").status_code == 200


def test_a_document_that_is_not_rendered_yet_is_not_found(owner: Browser, open_invoice: str):
    assert owner.get(f"{open_invoice}.pdf").status_code == 404


def test_the_public_link_is_shown_with_the_day_it_ends(owner: Browser, open_invoice: str):
    page = words(owner.get(open_invoice))

    assert "Copy public link" in page
    assert "It works until" in page


def _customer(owner: Browser, draft: str) -> str:
    page = owner.get(draft).text
    return page.split('href="/customers/')[1].split('"')[0]
