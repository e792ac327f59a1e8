"""Frozen documents to render, as the services freeze them."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from payments_app.documents import frozen
from payments_app.documents.seller import SELLER
from payments_app.domain.customer import Customer
from payments_app.domain.invoice import CreditNote, Invoice, InvoiceLine
from payments_app.domain.money import Rounding
from payments_app.domain.payment import Payment


def a_line(
    position: int = 1,
    description: str = "Design work",
    quantity: str = "1.5",
    unit: int = 10_000,
    rate: str = "20",
) -> InvoiceLine:
    return InvoiceLine(
        position=position,
        description=description,
        quantity=Decimal(quantity),
        unit_amount_minor=unit,
        tax_rate=Decimal(rate),
    )


def an_invoice(lines=None, currency: str = "USD", memo: str = "", name: str = "Ada Ltd"):
    customer = Customer(
        id="cus_1", name=name, email="ada@example.com", address="1 Road\nTown", tax_id="GB 1"
    )
    invoice = Invoice(
        id="inv_1",
        number="INV-000042",
        currency=currency,
        rounding=Rounding.HALF_UP,
        issue_date=date(2026, 11, 23),
        due_date=date(2026, 12, 23),
        finalized_at=datetime(2026, 11, 23, 12, tzinfo=UTC),
        memo=memo,
        lines=lines or [a_line()],
        customer=customer,
    )
    totals = invoice.figures()
    invoice.total_minor = totals.total_minor
    invoice.allocated_minor = invoice.credited_minor = 0
    invoice.document = frozen.invoice_document(invoice, customer, SELLER, totals)
    return invoice


@pytest.fixture
def invoice() -> Invoice:
    return an_invoice()


@pytest.fixture
def credit_note(invoice: Invoice) -> dict:
    note = CreditNote(
        id="crn_1",
        number="CN-000007",
        currency="USD",
        amount_minor=6_000,
        tax_minor=1_000,
        reason="Late delivery",
        issued_at=datetime(2026, 11, 30, 12, tzinfo=UTC),
    )
    return frozen.credit_note_document(note, invoice)


@pytest.fixture
def receipt(invoice: Invoice) -> dict:
    payment = Payment(
        id="pay_1",
        currency="USD",
        captured_minor=18_000,
        latest_charge="ch_1",
        finished_at=datetime(2026, 11, 25, 12, tzinfo=UTC),
    )
    return frozen.receipt_document(payment, invoice)
