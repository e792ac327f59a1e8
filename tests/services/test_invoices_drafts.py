"""Drafts: every wrong field is named, and a refusal leaves nothing half written."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from payments_app.domain.errors import (
    Invalid,
    InvalidAmount,
    InvalidTransition,
    NotFound,
    UnknownCurrency,
    VersionConflict,
)
from payments_app.domain.invoice import Invoice, InvoiceLine, InvoiceStatus
from payments_app.services import customers, invoices
from payments_app.services.invoices import LineDraft
from tests.support.business import NOW, a_customer, an_open_invoice


def line(**changes) -> LineDraft:
    good = {
        "description": "Work",
        "quantity": Decimal("1.5"),
        "unit_amount_minor": 10_000,
        "tax_rate": Decimal(20),
    }
    return LineDraft(**{**good, **changes})


def draft(session, *lines, customer=None, **changes) -> Invoice:
    values = {"currency": "USD", "lines": lines or (line(),), "now": NOW, **changes}
    owner = customer or a_customer(session)
    return invoices.create_draft(session, customer_id=owner.id, **values)


def test_a_draft_has_lines_in_order_and_totals_and_no_number(session):
    made = draft(session, line(), line(description="<script>", tax_rate=Decimal(0)), memo=" hi ")
    session.expire_all()
    kept = invoices.get(session, made.id)

    assert kept.id.startswith("inv_")
    assert (kept.status, kept.number) == (InvoiceStatus.DRAFT, None)
    assert [(row.position, row.description) for row in kept.lines] == [(1, "Work"), (2, "<script>")]
    assert (kept.subtotal_minor, kept.tax_minor, kept.total_minor) == (30_000, 3_000, 33_000)
    assert (kept.memo, kept.customer.name) == ("hi", "Ada Ltd")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("quantity", Decimal(text)) for text in ("0", "-1", "1.2345", "1E-9", "1000000000")],
        *[("quantity", Decimal(text)) for text in ("NaN", "Infinity")],
        *[("quantity", value) for value in (1.5, "2", None, 3)],
        *[("tax_rate", Decimal(text)) for text in ("-0.001", "100.001", "7.1234", "NaN")],
        *[("tax_rate", value) for value in (19.0, "19")],
        *[("unit_amount_minor", value) for value in (-1, 1.5, "1", True, None, Decimal(1), 10**12)],
        *[("description", text) for text in ("", "  ", "x" * 501, "a\x00b")],
    ],
)
def test_a_wrong_field_of_a_line_is_named_with_its_line(session, field, value):
    with pytest.raises(Invalid) as refused:
        draft(session, line(), line(**{field: value}))

    assert refused.value.field == f"lines.1.{field}"


def test_a_total_that_cards_cannot_be_charged_is_refused_while_prices_are_typed(session):
    """Not the third decimal of a price: eight at 0.125 dinars are one dinar."""
    eight = line(quantity=Decimal(8), unit_amount_minor=125, tax_rate=Decimal(0))
    assert draft(session, eight, currency="KWD").total_minor == 1_000

    with pytest.raises(InvalidAmount) as refused:
        draft(session, eight, line(unit_amount_minor=2, tax_rate=Decimal(0)), currency="KWD")

    assert refused.value.field == "lines"
    assert "Right would be KWD\xa01.000 or KWD\xa01.010." in str(refused.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", Decimal("0.001")),
        ("quantity", Decimal("1.50000")),
        ("tax_rate", Decimal(0)),
        ("tax_rate", Decimal(100)),
        ("tax_rate", Decimal("7.125")),
        ("unit_amount_minor", 0),
        ("description", "x" * 500),
    ],
)
def test_the_edges_of_what_is_allowed_are_allowed(session, field, value):
    made = draft(session, line(**{field: value}), line())

    assert getattr(made.lines[0], field) == value


@pytest.mark.parametrize("currency", ["", "usd", "XXX", "DEM", "BTC"])
def test_an_unknown_currency_is_refused(session, currency):
    with pytest.raises(UnknownCurrency) as refused:
        draft(session, currency=currency)

    assert refused.value.field == "currency"


def test_an_invoice_has_1_to_100_lines(session):
    assert len(draft(session, *[line()] * 100).lines) == 100
    for lines in ([], [line()] * 101):
        with pytest.raises(Invalid) as refused:
            draft(session, lines=lines)
        assert refused.value.field == "lines"


def test_a_total_that_no_column_holds_is_refused(session):
    with pytest.raises(InvalidAmount) as refused:
        draft(session, line(quantity=Decimal(999_999_999), unit_amount_minor=999_999_999_999))

    assert refused.value.field == "lines"


@pytest.mark.parametrize("days", [-1, 5 * 366 + 1])
def test_a_due_date_is_neither_before_today_nor_in_another_decade(session, days):
    with pytest.raises(Invalid) as refused:
        draft(session, due_date=NOW.date() + timedelta(days=days))

    assert refused.value.field == "due_date"


def test_the_last_day_of_the_calendar_is_refused_and_not_a_crash(session):
    with pytest.raises(Invalid):
        draft(session, due_date=date.max)


def test_a_long_memo_is_refused(session):
    with pytest.raises(Invalid) as refused:
        draft(session, memo="x" * 501)

    assert refused.value.field == "memo"


def test_an_archived_customer_gets_no_new_invoice(session):
    customer = a_customer(session)
    customers.archive(session, customer.id, now=NOW)

    with pytest.raises(Invalid, match="archived") as refused:
        draft(session, customer=customer)

    assert refused.value.field == "customer_id"


def test_an_unknown_customer_is_not_found(session):
    with pytest.raises(NotFound, match="cus_none"):
        invoices.create_draft(
            session, customer_id="cus_none", currency="USD", lines=[line()], now=NOW
        )


def test_a_refused_draft_leaves_nothing(session):
    with pytest.raises(InvalidAmount):
        draft(session, line(), line(quantity=Decimal(0)))

    assert session.scalar(select(func.count()).select_from(Invoice)) == 0
    assert session.scalar(select(func.count()).select_from(InvoiceLine)) == 0


def change(session, invoice, *lines, **changes) -> Invoice:
    values = {
        "customer_id": invoice.customer_id,
        "currency": "USD",
        "lines": lines or (line(),),
        "now": NOW,
    }
    return invoices.change_draft(session, invoice.id, **{**values, **changes})


def test_a_change_writes_the_whole_draft_anew(session):
    made = draft(session, line(), line())
    other = a_customer(session, name="Bob Ltd")

    change(
        session, made, line(description="New", unit_amount_minor=500), currency="JPY",
        customer_id=other.id, memo="changed", due_date=NOW.date(),
    )  # fmt: skip
    session.expire_all()
    kept = invoices.get(session, made.id)

    assert [(row.position, row.description) for row in kept.lines] == [(1, "New")]
    assert (kept.currency, kept.customer.name, kept.memo) == ("JPY", "Bob Ltd", "changed")
    assert (kept.total_minor, kept.due_date) == (900, NOW.date())


def test_the_version_grows_even_when_only_a_description_changes(session):
    made = draft(session)

    change(session, made, line(description="Other"))

    assert made.version == 2


def test_a_change_of_a_draft_that_somebody_else_changed_is_refused(session):
    made = draft(session)
    change(session, made, expected_version=1, memo="first")

    with pytest.raises(VersionConflict):
        change(session, made, expected_version=1, memo="second")

    assert made.memo == "first"


def test_a_refused_change_leaves_the_draft_as_it_was(session):
    made = draft(session, line(), memo="as it was")

    with pytest.raises(InvalidAmount):
        change(session, made, line(), line(quantity=Decimal(-1)), memo="lost")

    assert (made.memo, len(made.lines), made.version) == ("as it was", 1, 1)


def test_a_draft_on_its_way_out_and_a_sent_invoice_cannot_be_changed_or_deleted(session):
    asked = draft(session)
    invoices.request_finalize(session, asked.id, now=NOW)
    sent = an_open_invoice(session)

    for invoice in (asked, sent):
        with pytest.raises(InvalidTransition):
            change(session, invoice)
        with pytest.raises(InvalidTransition):
            invoices.delete_draft(session, invoice.id)


def test_a_deleted_draft_is_gone_with_its_lines(session):
    made = draft(session)

    invoices.delete_draft(session, made.id)

    with pytest.raises(NotFound):
        invoices.get(session, made.id)
    assert session.scalar(select(func.count()).select_from(InvoiceLine)) == 0
