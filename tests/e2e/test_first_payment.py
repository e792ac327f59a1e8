"""From nothing to a refunded payment through the pages, with workers and a gateway that are real.

What the pages say is compared with the gateway's own journal: that is where money is.
"""

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from payments_app.domain.invoice import Invoice
from payments_app.domain.payment import Payment
from tests.e2e.conftest import NewPage
from tests.e2e.people import add_customer, public_link, send, write_invoice
from tests.support.running_app import RunningApp
from tests.support.waiting import wait_until

PATIENCE_MS = 30_000


def captures(shop: RunningApp, payment_id: str) -> list[int]:
    return [
        capture["amount_minor"]
        for capture in shop.journal()["captures"]
        if capture["payment"] == payment_id
    ]


def payment_of(page: Page) -> str:
    return page.url.rpartition("/")[2]


@pytest.fixture
def hosted(shop: RunningApp) -> str:
    """The hosted page of a new open invoice over 120 dollars."""
    invoice_id = shop.open_invoices(1)[0]
    with shop.sessions() as session:
        return f"{shop.url}/i/{session.get_one(Invoice, invoice_id).public_token}"


def test_customer_invoice_payment_receipt_and_refund(shop: RunningApp, new_page: NewPage):
    owner, customer = new_page(shop.url, as_owner=True), new_page(shop.url)
    add_customer(owner, "Ada Ltd")
    write_invoice(owner)
    expect(owner.get_by_text("$120.00")).to_be_visible()
    send(owner)
    # The page is told by the server when the number is there; nobody reloads it.
    expect(owner.locator("h1")).to_contain_text("INV-", timeout=PATIENCE_MS)

    customer.goto(public_link(owner))
    customer.get_by_role("button", name="Pay $120.00").click()
    expect(customer.locator("h1")).to_have_text("Paid", timeout=PATIENCE_MS)
    payment_id = payment_of(customer)
    owner.goto(f"/payments/{payment_id}")

    expect(owner.get_by_text("The card was charged once")).to_be_visible()
    expect(owner.get_by_text("Gateway: captured")).to_be_visible()
    assert captures(shop, payment_id) == [12_000]

    owner.get_by_role("link", name="Refund").click()
    owner.get_by_label("A part, given below").check()
    owner.get_by_label("Part to refund").fill("20.00")
    owner.get_by_label("Reason", exact=True).select_option("Requested by the customer")
    owner.get_by_role("button", name="Refund").click()
    expect(owner.get_by_text("Gateway: refunded")).to_be_visible(timeout=PATIENCE_MS)
    expect(owner.get_by_text("$100.00 can still be refunded.")).to_be_visible()


def test_the_same_way_without_any_script(shop: RunningApp, new_page: NewPage):
    owner = new_page(shop.url, as_owner=True, java_script_enabled=False)
    customer = new_page(shop.url, java_script_enabled=False)
    add_customer(owner, "Plain Ltd")
    write_invoice(owner, has_script=False)
    send(owner)
    reload_until(owner, "INV-")

    customer.goto(public_link(owner))
    customer.get_by_role("button", name="Pay $120.00").click()
    reload_until(customer, "Paid")

    assert captures(shop, payment_of(customer)) == [12_000]


def test_two_clicks_on_pay_are_one_payment(shop: RunningApp, new_page: NewPage, hosted: str):
    customer = new_page(shop.url)
    customer.goto(hosted)

    customer.get_by_role("button", name="Pay $120.00").dblclick(delay=5)

    expect(customer.locator("h1")).to_have_text("Paid", timeout=PATIENCE_MS)
    assert captures(shop, payment_of(customer)) == [12_000]
    assert payments_of(shop, hosted) == 1


def test_the_form_in_two_tabs_and_again_after_back_is_one_payment(
    shop: RunningApp, new_page: NewPage, hosted: str
):
    first = new_page(shop.url, java_script_enabled=False)
    first.goto(hosted)
    second = first.context.new_page()
    second.goto(hosted)

    first.get_by_role("button", name="Pay $120.00").click()
    second.get_by_role("button", name="Pay $120.00").click()
    paid = first.url
    first.go_back()
    if first.get_by_role("button", name="Pay $120.00").count():
        first.get_by_role("button", name="Pay $120.00").click()

    # Led to the payment while it is under way, to the paid invoice when it has ended already.
    assert second.url in {paid, hosted}
    first.goto(paid)
    reload_until(first, "Paid")
    assert captures(shop, payment_of(first)) == [12_000]
    assert payments_of(shop, hosted) == 1


def test_a_lost_answer_asks_nobody_to_pay_again_and_ends_by_itself(
    shop: RunningApp, new_page: NewPage, hosted: str
):
    customer = new_page(shop.url)
    customer.goto(hosted)
    lost = {"when": "after", "do": "drop"}
    shop.faults([{"match": {"op": op}, **lost} for op in ("confirm_intent", "get_intent")])
    try:
        customer.get_by_role("button", name="Pay $120.00").click()
        expect(customer.get_by_text("Do not pay again")).to_be_visible(timeout=PATIENCE_MS)
        expect(customer.get_by_role("button", name="Pay")).to_have_count(0)
        customer.goto(hosted)
        expect(customer.get_by_text("Do not pay again")).to_be_visible()
        expect(customer.get_by_role("button", name="Pay")).to_have_count(0)
        customer.get_by_role("link", name="See how it stands").click()
    finally:
        shop.faults([])

    expect(customer.locator("h1")).to_have_text("Paid", timeout=PATIENCE_MS)
    assert captures(shop, payment_of(customer)) == [12_000]


def test_a_live_update_leaves_alone_what_is_being_done(
    shop: RunningApp, new_page: NewPage, hosted: str
):
    """A declined payment waits; its page asks for news while another card is being chosen."""
    customer = new_page(shop.url)
    customer.goto(hosted)
    customer.get_by_label("Not enough money on it").check()
    customer.get_by_role("button", name="Pay $120.00").click()
    expect(customer.locator("h1")).to_have_text("Card declined", timeout=PATIENCE_MS)
    other_card = customer.get_by_label("Succeeds, but slowly")
    other_card.check()
    with customer.expect_response(lambda answer: "/live" in answer.url):
        pass

    expect(other_card).to_be_checked()
    expect(other_card).to_be_focused()
    customer.get_by_role("button", name="Try this card").click()
    expect(customer.locator("h1")).to_have_text("Paid", timeout=PATIENCE_MS)
    assert payments_of(shop, hosted) == 1


def payments_of(shop: RunningApp, hosted: str) -> int:
    token = hosted.rpartition("/")[2]
    with shop.sessions() as session:
        found = session.scalars(
            select(Payment.id).join(Payment.invoice).where(Invoice.public_token == token)
        )
        return len(found.all())


def reload_until(page: Page, heading: str) -> None:
    def there() -> bool:
        if heading in page.locator("h1").inner_text():
            return True
        page.reload()
        return False

    wait_until(there, timeout_s=PATIENCE_MS / 1000, what=f"{heading} on {page.url}")
