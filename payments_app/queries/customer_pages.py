"""What the customer pages show: the list with open balances, and one customer's balances."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from payments_app.domain.customer import Customer
from payments_app.domain.invoice import Invoice, InvoiceStatus
from payments_app.queries.paging import Numbered, numbered

CHOICES_MAX = 500


@dataclass(frozen=True, slots=True)
class Balance:
    """What is owed in one currency. Amounts of two currencies are never added."""

    currency: str
    due_minor: int


@dataclass(frozen=True, slots=True)
class CustomerRow:
    """One line of the list."""

    id: str
    name: str
    email: str
    invoices: int
    created_at: datetime
    archived_at: datetime | None


def customer_list(
    session: Session, *, search: str = "", archived: bool = False, page: int = 1
) -> Numbered[CustomerRow]:
    """By name."""
    invoices = select(func.count()).where(Invoice.customer_id == Customer.id).scalar_subquery()
    statement = select(
        Customer.id,
        Customer.name,
        Customer.email,
        invoices.label("invoices"),
        Customer.created_at,
        Customer.archived_at,
    ).order_by(func.lower(Customer.name), Customer.id)
    known = Customer.archived_at.is_not(None) if archived else Customer.archived_at.is_(None)
    statement = statement.where(known)
    if search:
        statement = statement.where(
            or_(
                Customer.name.icontains(search, autoescape=True),
                Customer.email.icontains(search, autoescape=True),
            )
        )
    return numbered(session, statement, page, _made)


def balances(session: Session, customer_ids: Sequence[str]) -> dict[str, list[Balance]]:
    """What each customer owes, per currency; customers who owe nothing are not in it."""
    due = func.sum(Invoice.total_minor - Invoice.allocated_minor - Invoice.credited_minor).label(
        "due"
    )
    statement = (
        select(Invoice.customer_id, Invoice.currency, due)
        .where(Invoice.customer_id.in_(customer_ids), Invoice.status == InvoiceStatus.OPEN)
        .group_by(Invoice.customer_id, Invoice.currency)
        .order_by(Invoice.currency)
    )
    found: dict[str, list[Balance]] = {}
    for customer_id, currency, minor in session.execute(statement):
        found.setdefault(customer_id, []).append(Balance(currency, int(minor)))
    return found


def same_address(session: Session, email: str, *, other_than: str | None) -> int:
    """How many other customers have this address: worth a word, no reason to refuse."""
    statement = select(func.count()).where(func.lower(Customer.email) == email.strip().lower())
    if other_than is not None:
        statement = statement.where(Customer.id != other_than)
    return session.scalar(statement) or 0


def choices(session: Session) -> list[tuple[str, str]]:
    """Customers that may be invoiced, for a select: (id, name and address)."""
    statement = (
        select(Customer.id, Customer.name, Customer.email)
        .where(Customer.archived_at.is_(None))
        .order_by(func.lower(Customer.name), Customer.id)
        .limit(CHOICES_MAX)
    )
    return [(row.id, f"{row.name} ({row.email})") for row in session.execute(statement)]


def _made(row: Any) -> CustomerRow:  # noqa: ANN401 - a row of the list
    return CustomerRow(**row._mapping)  # noqa: SLF001 - the documented name of a row's columns
