"""axe on every page, light and dark, wide and narrow; and what axe cannot see.

The short form sees each page light and wide, and dark and narrow; the full form in all four modes.
The rules include target size; a page may also not be wider than a phone, and buttons must have the
names that they do what they say under.
"""

import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.db import make_engine
from payments_app.domain.invoice import Invoice
from payments_app.gateway.port import Unknown
from payments_app.services import customers, invoices
from payments_app.services.invoices import LineDraft
from tests.e2e.conftest import NewPage
from tests.e2e.people import OPERATOR, add_users
from tests.support.conversation import Conversation

AXE = (Path(__file__).parents[1] / "support" / "vendor" / "axe" / "axe.min.js").read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """tags => axe.run(document, {
    runOnly: {type: "tag", values: tags}, resultTypes: ["violations", "incomplete"],
}).then(found => ({
    rules: [...found.passes, ...found.violations, ...found.inapplicable].map(rule => rule.id),
    violations: found.violations.map(rule => rule.id + ": " + rule.nodes[0].html.slice(0, 160)),
    undecided: found.incomplete.map(rule => rule.id + ": " + rule.nodes[0].html.slice(0, 160)),
}))"""
Mode = tuple[Literal["light", "dark"], int]
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
MODES: list[Mode] = [(scheme, width) for scheme in SCHEMES for width in (1280, 360)]
in_modes = pytest.mark.parametrize(
    "modes",
    [
        pytest.param([MODES[0], MODES[3]], id="short"),
        pytest.param(MODES[1:3], id="full", marks=pytest.mark.full),
    ],
)
# WCAG 1.4.10: no sideways scrolling at this width, whatever is on the page.
NARROWEST = 320

EMPTY = [
    *("/", "/customers", "/invoices", "/payments", "/ledger"),
    *("/operations/queues", "/operations/jobs", "/operations/workers", "/operations/schedules"),
    *("/settings/users", "/settings/api-keys", "/settings/password", "/nothing"),
]
# What became of the payment → the pages on which that shows.
LOOKED_AT = {
    "paid": ("payment", "invoice", "hosted", "receipt"),
    "lost": ("payment", "hosted", "receipt"),
    "declined": ("payment", "receipt"),
    "failed": ("payment", "hosted", "receipt"),
    "waiting": ("invoice",),
}
FORMS = ["/customers/new", "/invoices/new"]


@pytest.fixture(scope="module")
def site(pages_only: tuple[str, str]) -> str:
    """An empty business with an owner and an operator."""
    base_url, database_url = pages_only
    engine = make_engine(database_url)
    add_users(sessionmaker(engine))
    engine.dispose()
    return base_url


@pytest.fixture(scope="module")
def filled(pages_only: tuple[str, str], site: str) -> dict[str, str]:
    """Pages of a business in which everything has happened once: name → path."""
    engine = make_engine(pages_only[1])
    sessions = sessionmaker(engine, expire_on_commit=False)
    with sessions() as session:
        now = clock.now(session)
    paid, lost, declined, waiting, failed = (
        Conversation.about_a_new_payment(sessions, now=now) for _ in range(5)
    )
    for talk in (paid, lost, declined, failed):
        talk.now = now
        talk.confirm_sent()
    paid.hear(paid.succeeded("ch_paid"))
    lost.hear(Unknown("read timed out"))
    declined.hear(declined.declined("insufficient_funds", charge="ch_soft"))
    failed.hear(failed.declined("stolen_card", charge="ch_hard"))
    failed.ask()
    failed.hear(failed.canceled())
    pages = _pages(
        sessions, paid=paid, lost=lost, declined=declined, waiting=waiting, failed=failed
    )
    engine.dispose()
    return pages


def check(page: Page, path: str, modes: list[Mode] = MODES) -> list[str]:
    """What is wrong on the page, in these modes."""
    page.goto(path)
    page.evaluate(AXE)
    wrong = []
    for scheme, width in modes:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 800})
        found: dict[str, Any] = page.evaluate(RUN, TAGS)
        assert {"target-size", "color-contrast"} <= set(found["rules"])
        seen = found["violations"] + found["undecided"]
        wrong += [f"{path} {scheme} {width}: {what}" for what in seen]
    for width in (NARROWEST, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wrong.append(f"{path}: wider than {width} pixels")
    return wrong


@in_modes
def test_an_empty_business_has_no_violations(site: str, new_page: NewPage, modes: list[Mode]):
    page = new_page(site, as_owner=True)

    assert [wrong for path in (*EMPTY[:-1], *FORMS) for wrong in check(page, path, modes)] == []


@in_modes
def test_a_filled_business_has_no_violations(
    site: str, filled: dict[str, str], new_page: NewPage, modes: list[Mode]
):
    page = new_page(site, as_owner=True)

    assert [wrong for path in filled.values() for wrong in check(page, path, modes)] == []


def test_an_operators_pages_have_no_violations(
    site: str, filled: dict[str, str], new_page: NewPage
):
    page = new_page(site)
    page.goto("/login")
    assert check(page, "/login") == []
    page.get_by_label("Email").fill(OPERATOR.email)
    page.get_by_label("Password").fill(OPERATOR.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")

    assert [wrong for path in EMPTY[5:9] for wrong in check(page, path)] == []


def test_mistakes_are_announced_focused_and_named(site: str, new_page: NewPage):
    page = new_page(site, as_owner=True, expects="status of 422")
    page.goto("/customers/new")
    page.get_by_label("Name").fill("Ada")
    page.get_by_label("Email").fill("ada@nowhere")
    page.get_by_label("Name").evaluate("field => field.form.noValidate = true")
    with page.expect_response(lambda answer: answer.status == 422):
        page.get_by_role("button", name="Save customer").click()

    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Email")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Email")).to_have_accessible_description(
        "Invoices and receipts go here. Enter one e-mail address like name@example.com."
    )


def test_menus_open_by_keyboard_and_give_the_focus_back(site: str, new_page: NewPage):
    page = new_page(site, as_owner=True, viewport={"width": 360, "height": 800})
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    menu = page.get_by_role("button", name="Menu")
    menu.focus()

    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Ledger")).to_be_visible()
    page.keyboard.press("Escape")

    expect(page.get_by_role("link", name="Ledger")).to_be_hidden()
    expect(menu).to_be_focused()


def test_the_theme_is_there_before_the_first_paint(site: str, new_page: NewPage):
    page = new_page(site, as_owner=True)
    page.goto("/")
    page.get_by_role("button", name="Account: Person owner").click()
    page.get_by_role("button", name="Dark").click()
    page.wait_for_url("**/")

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(14, 18, 25)"


def _pages(sessions: sessionmaker[Session], **talks: Conversation) -> dict[str, str]:
    pages = {path: path for path in EMPTY[:-1]}
    with sessions.begin() as session:
        for name, talk in talks.items():
            invoice = session.get_one(Invoice, talk.payment.invoice_id)
            paths = {
                "payment": f"/payments/{talk.payment_id}",
                "invoice": f"/invoices/{invoice.id}",
                "hosted": f"/i/{invoice.public_token}",
                "receipt": f"/i/{invoice.public_token}/p/{talk.payment_id}",
            }
            pages |= {f"{kind} {name}": paths[kind] for kind in LOOKED_AT[name]}
        pages["refund"] = f"/payments/{talks['paid'].payment_id}/refunds/new"
        pages["cancel"] = f"/payments/{talks['waiting'].payment_id}/cancel"
        job = session.execute(text("SELECT min(id) FROM queue.all_jobs")).scalar_one()
        pages["job"] = f"/operations/jobs/{job}"
        draft = _draft(session)
        for verb in ("", "/edit", "/send", "/delete"):
            pages[f"draft{verb}"] = f"/invoices/{draft.id}{verb}"
        opened = session.scalars(select(Invoice).where(Invoice.status == "open")).first()
        assert opened is not None
        pages["void"] = f"/invoices/{opened.id}/void"
        pages["customer"] = f"/customers/{opened.customer_id}"
        pages["archive customer"] = f"/customers/{opened.customer_id}/archive"
        pages["edit customer"] = f"/customers/{opened.customer_id}/edit"
    return pages


def _draft(session: Session) -> Invoice:
    made = customers.create(
        session, name=f"Long {uuid.UUID(int=7)} Company Name", email="long@example.com"
    )
    line = LineDraft("A rather long description " * 8, Decimal("1.5"), 990_000, Decimal(19))
    return invoices.create_draft(
        session,
        customer_id=made.id,
        currency="KWD",
        lines=[line, line],
        now=clock.now(session),
    )
