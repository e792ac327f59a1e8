"""Customers: made, changed, archived. Never deleted, because invoices point at them."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payments_app.domain.customer import Customer, checked_email, checked_name, checked_text
from payments_app.domain.errors import Invalid, NotFound, VersionConflict
from payments_app.domain.invoice import Invoice

# str.splitlines ends a line at these too, and so do mail and PDF readers.
_LINE_ENDS = frozenset("\n\r\t\v\f\x1c\x1d\x1e\x85\u2028\u2029")


def get(session: Session, customer_id: str) -> Customer:
    """The customer, archived or not. Raises NotFound."""
    customer = session.get(Customer, customer_id)
    if customer is None:
        raise NotFound("customer", customer_id)
    return customer


def create(
    session: Session,
    *,
    name: str,
    email: str,
    address: str = "",
    tax_id: str = "",
    notes: str = "",
) -> Customer:
    """A new customer. Raises Invalid, naming the field."""
    customer = Customer(
        name=_checked_line(checked_name(name), "name"),
        email=checked_email(email),
        address=checked_text(address, "address"),
        tax_id=_checked_line(checked_text(tax_id, "tax_id", length_max=50), "tax_id"),
        notes=checked_text(notes, "notes"),
    )
    session.add(customer)
    session.flush()
    return customer


def change(
    session: Session,
    customer_id: str,
    *,
    expected_version: int | None = None,
    name: str | None = None,
    email: str | None = None,
    address: str | None = None,
    tax_id: str | None = None,
    notes: str | None = None,
) -> Customer:
    """Change what is given; None leaves a field as it is. Sent documents keep what they said.

    Raises NotFound, VersionConflict, Invalid.
    """
    customer = _lock(session, customer_id, shared=False)
    if expected_version is not None and customer.version != expected_version:
        raise VersionConflict("Somebody changed this customer meanwhile. Load it again and repeat.")
    # All fields are checked before the first is set: a refusal leaves nothing half changed.
    checked = {
        "name": None if name is None else _checked_line(checked_name(name), "name"),
        "email": None if email is None else checked_email(email),
        "address": None if address is None else checked_text(address, "address"),
        "tax_id": None
        if tax_id is None
        else _checked_line(checked_text(tax_id, "tax_id", length_max=50), "tax_id"),
        "notes": None if notes is None else checked_text(notes, "notes"),
    }
    for field, value in checked.items():
        if value is not None:
            setattr(customer, field, value)
    session.flush()
    return customer


def archive(session: Session, customer_id: str, *, now: datetime) -> Customer:
    """Take no new invoices for this customer. Open ones stay payable. Twice is once."""
    customer = _lock(session, customer_id, shared=False)
    if customer.archived_at is None:
        customer.archived_at = now
        session.flush()
    return customer


def lock_active(session: Session, customer_id: str) -> Customer:
    """As ``lock_shared``, and refuses an archived customer. Raises NotFound, Invalid."""
    customer = lock_shared(session, customer_id)
    require_active(customer)
    return customer


def lock_shared(session: Session, customer_id: str) -> Customer:
    """The customer, held against changes until the transaction ends: the first lock of all.

    Shared, so that invoices of one customer do not wait for each other. Raises NotFound.
    """
    return _lock(session, customer_id, shared=True)


def lock_alone(session: Session, customer_id: str) -> Customer:
    """The customer, locked against everybody who uses the customer's credit. Raises NotFound.

    FOR NO KEY UPDATE: a new payment, which has its invoice already, checks its foreign key to the
    customer; a stronger lock here would make the two wait for each other.
    """
    customer = session.scalars(
        select(Customer).where(Customer.id == customer_id).with_for_update(key_share=True)
    ).one_or_none()
    if customer is None:
        raise NotFound("customer", customer_id)
    return customer


def of_invoice(session: Session, invoice_id: str) -> str:
    """Whose invoice it is, to be locked before it. Raises NotFound."""
    found = session.scalar(select(Invoice.customer_id).where(Invoice.id == invoice_id))
    if found is None:
        raise NotFound("invoice", invoice_id)
    return found


def require_active(customer: Customer) -> None:
    if customer.archived_at is not None:
        message = "This customer is archived. Choose another, or make a new one."
        raise Invalid("customer_id", message)


def _lock(session: Session, customer_id: str, *, shared: bool) -> Customer:
    customer = session.execute(
        select(Customer)
        .where(Customer.id == customer_id)
        .with_for_update(read=shared)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if customer is None:
        raise NotFound("customer", customer_id)
    return customer


def _checked_line(text: str, field: str) -> str:
    # These go into mail headers and document titles: a line break there would start a new header.
    if _LINE_ENDS.intersection(text):
        raise Invalid(field, "Write it on one line, without tabs or line breaks.")
    return text
