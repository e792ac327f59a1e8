"""The API's lists: customers, invoices, payments and refunds, filtered, newest first."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments_app.domain.customer import Customer
from payments_app.domain.invoice import Invoice
from payments_app.domain.payment import Payment
from payments_app.domain.refund import Refund
from payments_app.queries.pages import Page, newest_first


def customers(
    session: Session, *, email: str | None = None, after: str | None, limit: int
) -> Page[Customer]:
    """Customers, archived ones included; by e-mail address if one is given."""
    statement = select(Customer)
    if email is not None:
        statement = statement.where(Customer.email == email)
    return newest_first(session, statement, Customer.id, after=after, limit=limit)


def invoices(
    session: Session,
    *,
    customer_id: str | None = None,
    status: str | None = None,
    after: str | None,
    limit: int,
) -> Page[Invoice]:
    """Invoices, drafts included."""
    statement = select(Invoice)
    if customer_id is not None:
        statement = statement.where(Invoice.customer_id == customer_id)
    if status is not None:
        statement = statement.where(Invoice.status == status)
    return newest_first(session, statement, Invoice.id, after=after, limit=limit)


def payments(
    session: Session,
    *,
    invoice_id: str | None = None,
    customer_id: str | None = None,
    status: str | None = None,
    after: str | None,
    limit: int,
) -> Page[Payment]:
    """Payments with their attempts."""
    statement = select(Payment)
    if invoice_id is not None:
        statement = statement.where(Payment.invoice_id == invoice_id)
    if customer_id is not None:
        statement = statement.where(Payment.customer_id == customer_id)
    if status is not None:
        statement = statement.where(Payment.status == status)
    return newest_first(session, statement, Payment.id, after=after, limit=limit)


def refunds(session: Session, payment_id: str, *, after: str | None, limit: int) -> Page[Refund]:
    """Refunds of one payment."""
    statement = select(Refund).where(Refund.payment_id == payment_id)
    return newest_first(session, statement, Refund.id, after=after, limit=limit)
