"""Rows to start from: factories that read like a schema and go through the services."""

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from payments_app.domain.customer import Customer
from payments_app.domain.invoice import Invoice
from payments_app.domain.money import Rounding
from payments_app.domain.payment import Payment
from payments_app.services import customers, invoices, payments
from payments_app.services.invoices import LineDraft

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def a_customer(session: Session, *, name: str = "Ada Ltd", email: str = "ada@example.com"):
    made: Customer = customers.create(session, name=name, email=email)
    session.flush()
    return made


def an_open_invoice(
    session: Session,
    *,
    total_minor: int = 12_000,
    tax_rate: str = "0",
    currency: str = "USD",
    rounding: Rounding = Rounding.HALF_UP,
    now: datetime = NOW,
) -> Invoice:
    """An invoice of one line, sent. ``total_minor`` is before tax."""
    customer = a_customer(session)
    line = LineDraft("Work", Decimal(1), total_minor, Decimal(tax_rate))
    draft = invoices.create_draft(
        session,
        customer_id=customer.id,
        currency=currency,
        lines=[line],
        rounding=rounding,
        now=now,
    )
    session.flush()
    invoices.request_finalize(session, draft.id, now=now)
    return invoices.finalize(session, draft.id, now=now)


def a_payment(
    session: Session, *, card: str = "pm_card_visa", now: datetime = NOW, **invoice
) -> Payment:
    """A pending payment of a new open invoice."""
    made = an_open_invoice(session, now=now, **invoice)
    return payments.request_payment(session, made.id, payment_method=card, now=now)
