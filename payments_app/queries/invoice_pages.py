"""What the invoice pages show: the list with its tabs, and one invoice with all that belongs to it.

The state that people see is derived here, in SQL, so that list, tabs and page can never disagree:
sending, overdue and partly paid are not stored anywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from payments_app.domain.customer import Customer
from payments_app.domain.document import Document
from payments_app.domain.email import EmailDelivery
from payments_app.domain.invoice import CreditNote, Invoice, InvoiceStatus
from payments_app.queries.paging import PAGE_SIZE, Numbered, numbered

# Tab → the shown states in it; "all" has no condition.
TABS: dict[str, tuple[str, ...]] = {
    "all": (),
    "draft": ("draft", "sending"),
    "open": ("open", "overdue", "partly_paid"),
    "overdue": ("overdue",),
    "partly_paid": ("partly_paid",),
    "paid": ("paid",),
    "void": ("void", "uncollectible"),
}


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """One line of a list. ``state`` is the shown state, not the stored status."""

    id: str
    number: str | None
    state: str
    customer_id: str
    customer_name: str
    currency: str
    total_minor: int
    due_minor: int
    issue_date: date | None
    due_date: date | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class InvoiceSurroundings:
    """What stands beside an invoice: its mail, whether its PDF is there, its credit notes."""

    mail_status: str | None
    mail_to: str | None
    has_pdf: bool
    credit_notes: Sequence[CreditNote]


def shown_state(today: date) -> ColumnElement[str]:
    """The state for people, as an SQL expression over ``invoices``."""
    settled = Invoice.allocated_minor + Invoice.credited_minor
    is_open = Invoice.status == InvoiceStatus.OPEN
    return case(
        (
            and_(Invoice.status == InvoiceStatus.DRAFT, Invoice.finalize_requested_at.is_not(None)),
            "sending",
        ),
        (and_(is_open, Invoice.due_date < today), "overdue"),
        (and_(is_open, settled > 0), "partly_paid"),
        else_=func.cast(Invoice.status, type_=Customer.name.type),
    )


def invoice_list(
    session: Session,
    *,
    today: date,
    tab: str = "all",
    search: str = "",
    customer_id: str | None = None,
    page: int = 1,
    size: int = PAGE_SIZE,
) -> Numbered[InvoiceRow]:
    """Newest first; ``search`` looks in numbers and customers' names."""
    statement = _rows(today).order_by(Invoice.created_at.desc(), Invoice.id.desc())
    if TABS.get(tab):
        statement = statement.where(shown_state(today).in_(TABS[tab]))
    if customer_id is not None:
        statement = statement.where(Invoice.customer_id == customer_id)
    if search:
        statement = statement.where(_matches(search))
    return numbered(session, statement, page, _made, size=size)


def invoice_counts(session: Session, *, today: date, search: str = "") -> dict[str, int]:
    """How many invoices each tab holds."""
    state = shown_state(today).label("state")
    statement = select(state, func.count()).select_from(Invoice).join(Invoice.customer)
    if search:
        statement = statement.where(_matches(search))
    by_state = {row[0]: row[1] for row in session.execute(statement.group_by(state))}
    return {
        tab: sum(count for name, count in by_state.items() if not states or name in states)
        for tab, states in TABS.items()
    }


def state_of(session: Session, invoice_id: str, *, today: date) -> str | None:
    """The shown state of one invoice."""
    found: str | None = session.scalar(select(shown_state(today)).where(Invoice.id == invoice_id))
    return found


def surroundings(session: Session, invoice_id: str) -> InvoiceSurroundings:
    mail = session.scalar(
        select(EmailDelivery)
        .where(EmailDelivery.subject_id == invoice_id)
        .order_by(EmailDelivery.created_at.desc())
        .limit(1)
    )
    notes = select(CreditNote).where(CreditNote.invoice_id == invoice_id).order_by(CreditNote.id)
    document = select(Document.id).where(
        Document.subject_id == invoice_id, Document.kind == "invoice"
    )
    return InvoiceSurroundings(
        mail_status=str(mail.status) if mail else None,
        mail_to=mail.to_address if mail else None,
        has_pdf=session.scalar(document) is not None,
        credit_notes=session.scalars(notes).all(),
    )


def _rows(today: date) -> Select[Any]:
    settled = Invoice.allocated_minor + Invoice.credited_minor
    owed = Invoice.status.in_((InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE))
    return select(
        Invoice.id,
        Invoice.number,
        shown_state(today).label("state"),
        Invoice.customer_id,
        Customer.name.label("customer_name"),
        Invoice.currency,
        Invoice.total_minor,
        case((owed, Invoice.total_minor - settled), else_=0).label("due_minor"),
        Invoice.issue_date,
        Invoice.due_date,
        Invoice.created_at,
    ).join(Invoice.customer)


def _matches(search: str) -> ColumnElement[bool]:
    return or_(
        Invoice.number.icontains(search, autoescape=True),
        Customer.name.icontains(search, autoescape=True),
    )


def _made(row: Any) -> InvoiceRow:  # noqa: ANN401 - a row of _rows
    return InvoiceRow(**row._mapping)  # noqa: SLF001 - the documented name of a row's columns
