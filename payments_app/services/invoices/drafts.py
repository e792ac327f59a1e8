"""Drafts: invoices that may still be changed, or thrown away, because nobody has seen them.

Between the request to send and the job that finalises, a draft is held still: what the user
confirmed is what gets its number.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from payments_app.domain.customer import Customer, checked_text
from payments_app.domain.errors import InvalidAmount, InvalidTransition, VersionConflict
from payments_app.domain.invoice import Invoice, InvoiceLine, InvoiceStatus
from payments_app.domain.money import Money, Rounding, chargeable, exponent
from payments_app.domain.totals import Totals
from payments_app.services import customers
from payments_app.services.invoices.dates import checked_due_date
from payments_app.services.invoices.lines import LineDraft, checked_lines
from payments_app.services.locking import lock_invoice


def create_draft(
    session: Session,
    *,
    customer_id: str,
    currency: str,
    lines: Sequence[LineDraft],
    due_date: date | None = None,
    memo: str = "",
    rounding: Rounding = Rounding.HALF_UP,
    now: datetime,
) -> Invoice:
    """A new draft with its totals. Raises NotFound, Invalid, InvalidAmount, UnknownCurrency."""
    customer = customers.lock_active(session, customer_id)
    invoice = Invoice(lines=[])
    _write(
        invoice, customer=customer, currency=currency, lines=lines, due_date=due_date, memo=memo,
        rounding=rounding, now=now,
    )  # fmt: skip
    session.add(invoice)
    session.flush()
    return invoice


def change_draft(
    session: Session,
    invoice_id: str,
    *,
    expected_version: int | None = None,
    customer_id: str,
    currency: str,
    lines: Sequence[LineDraft],
    due_date: date | None = None,
    memo: str = "",
    rounding: Rounding = Rounding.HALF_UP,
    now: datetime,
) -> Invoice:
    """Write the whole draft anew. Raises as ``create_draft``; InvalidTransition, VersionConflict.

    ``expected_version`` is the version that the user saw: an older one is refused.
    """
    customer = customers.lock_active(session, customer_id)
    invoice = lock_draft(session, invoice_id, event="be changed")
    if expected_version is not None and invoice.version != expected_version:
        raise VersionConflict("Somebody changed this draft meanwhile. Load it again and repeat.")
    _write(
        invoice, customer=customer, currency=currency, lines=lines, due_date=due_date, memo=memo,
        rounding=rounding, now=now,
    )  # fmt: skip
    # The version grows even when only the lines differ: they belong to the draft that was seen.
    flag_modified(invoice, "memo")
    session.flush()
    return invoice


def delete_draft(session: Session, invoice_id: str) -> None:
    """Throw a draft away. It never had a number, so no series gets a hole."""
    invoice = lock_draft(session, invoice_id, event="be deleted")
    session.delete(invoice)
    session.flush()


def lock_draft(session: Session, invoice_id: str, *, event: str) -> Invoice:
    """The draft, locked, unless it is sent or about to be. Raises NotFound, InvalidTransition."""
    invoice = lock_invoice(session, invoice_id)
    if invoice.status is not InvoiceStatus.DRAFT:
        raise InvalidTransition("invoice", str(invoice.status), event)
    if invoice.finalize_requested_at is not None:
        raise InvalidTransition("invoice", "about to be sent", event)
    return invoice


def _write(
    invoice: Invoice,
    *,
    customer: Customer,
    currency: str,
    lines: Sequence[LineDraft],
    due_date: date | None,
    memo: str,
    rounding: Rounding,
    now: datetime,
) -> None:
    exponent(currency)  # raises UnknownCurrency
    rows, totals = checked_lines(lines, currency, rounding)
    require_payable(Money(totals.total_minor, currency))
    due = checked_due_date(due_date, now.date())
    note = checked_text(memo, "memo")
    # Everything is checked; from here on nothing refuses, so nothing is half written.
    invoice.customer_id, invoice.customer = customer.id, customer
    invoice.currency, invoice.rounding = currency, rounding
    invoice.due_date, invoice.memo = due, note
    set_lines(invoice, rows, totals)


def require_payable(total: Money) -> None:
    """Raises InvalidAmount. Said while the prices are being typed, and again before a number."""
    if total.minor <= 0:
        raise InvalidAmount("lines", "The total is zero: there is nothing to pay. Set a price.")
    chargeable(total, "lines", "a total")


def set_lines(invoice: Invoice, rows: list[InvoiceLine], totals: Totals) -> None:
    """Lines and the figures that follow from them, together."""
    invoice.lines[:] = rows
    invoice.subtotal_minor = totals.subtotal_minor
    invoice.tax_minor = totals.tax_minor
    invoice.total_minor = totals.total_minor
