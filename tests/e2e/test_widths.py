"""No page scrolls sideways and no amount is cut, whatever font the machine has.

Letters are also set wider than the font's own: what just fits in one font does not in the next.
"""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import sessionmaker

from payments_app.db import make_engine
from tests.e2e.conftest import NewPage
from tests.e2e.people import add_customer, add_users

WIDTHS = (1280, 1024, 768, 360)
PAGES = [
    *("/", "/invoices", "/invoices/new", "/payments", "/customers", "/ledger", "/review"),
    *("/operations/jobs", "/operations/queues", "/operations/reconciliation", "/settings/users"),
    "/lab",
]
MEASURED = """() => {
    const page = document.documentElement, account = document.querySelector(".account");
    return [page.scrollWidth, account.getBoundingClientRect().right, page.clientWidth];
}"""
AMOUNT = """() => {
    const text = document.createRange();
    text.selectNodeContents(document.querySelector("#amount-0"));
    const amount = text.getBoundingClientRect();
    const tools = document.querySelector(".line .tools").getBoundingClientRect();
    const line = document.querySelector(".line").getBoundingClientRect();
    const beside = amount.right <= tools.left || amount.bottom <= tools.top;
    return beside && amount.left >= line.left && amount.right <= line.right;
}"""


@pytest.fixture(scope="module")
def site(pages_only: tuple[str, str]) -> str:
    base_url, database_url = pages_only
    engine = make_engine(database_url)
    add_users(sessionmaker(engine))
    engine.dispose()
    return base_url


@pytest.mark.parametrize("letters", ["normal", "0.02em"])
def test_no_page_is_wider_than_the_window_and_the_account_is_in_it(
    site: str, new_page: NewPage, letters: str
):
    page = new_page(site, as_owner=True)

    assert [wrong for path in PAGES for wrong in _too_wide(page, path, letters)] == []


def test_a_long_amount_lies_beside_the_buttons_of_its_line(site: str, new_page: NewPage):
    page = new_page(site, as_owner=True)
    add_customer(page, "Ada Ltd")
    page.get_by_role("link", name="New invoice").click()
    page.get_by_label("Currency").select_option("KWD")
    page.get_by_label("Description").fill("Design")
    page.get_by_label("Unit price").fill("999,999.120")
    expect(page.locator("#amount-0")).to_have_text("KWD\N{NO-BREAK SPACE}999,999.120")

    cut = []
    for width in (*WIDTHS, 320):
        page.set_viewport_size({"width": width, "height": 800})
        if not page.evaluate(AMOUNT):
            cut.append(width)

    assert cut == []


def _too_wide(page: Page, path: str, letters: str) -> list[str]:
    page.goto(path)
    page.evaluate("wide => { document.documentElement.style.letterSpacing = wide }", letters)
    wrong = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        content, account, window = page.evaluate(MEASURED)
        if content > window or account > window:
            wrong.append(f"{path} at {width}: content {content}, account {account}")
    return wrong
