"""The people of the browser tests, and what the owner does on the way to a first payment."""

from dataclasses import dataclass

from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session, sessionmaker

from payments_app.domain.access import Role
from payments_app.services import access


@dataclass(frozen=True)
class Person:
    email: str
    password: str
    role: Role


OWNER = Person("owner@example.com", "charged-once", Role.OWNER)
OPERATOR = Person("operator@example.com", "charged-once", Role.OPERATOR)


def add_users(sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        for person in (OWNER, OPERATOR):
            access.create_user(
                session,
                email=person.email,
                name=f"Person {person.role}",
                password=person.password,
                role=person.role,
            )


def add_customer(page: Page, name: str) -> None:
    page.goto("/customers/new")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_role("button", name="Save customer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def write_invoice(page: Page, *, has_script: bool = True) -> None:
    """Two lines, 120.00 in all, from the customer's page to the confirmation."""
    page.get_by_role("link", name="New invoice").click()
    page.get_by_label("Description").fill("Design")
    page.get_by_label("Unit price").fill("100.00")
    page.get_by_label("Tax %").fill("10")
    page.get_by_role("button", name="Add line").click()
    page.get_by_label("Description of line 2").fill("Hosting")
    page.get_by_label("Unit price of line 2").fill("10")
    if has_script:  # The totals are asked for while one types, and move the buttons.
        expect(page.locator("#totals")).to_contain_text("120.00")
    page.get_by_role("button", name="Save and send").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Send this invoice?")


def send(page: Page) -> None:
    page.get_by_role("button", name="Send invoice").click()
    expect(page.get_by_text("The invoice is on its way")).to_be_visible()


def public_link(page: Page) -> str:
    """The address of the hosted page, from the invoice's page."""
    href = page.get_by_role("link", name="Open public page").get_attribute("href")
    assert href is not None
    return href
