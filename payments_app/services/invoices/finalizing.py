"""Finalising: number, ledger posting and frozen document data, all in one commit or not at all.

The user asks (``request_finalize``), a job does (``finalize``). Whoever runs the job again after a
crash finds the number and changes nothing. Locks: customer, invoice, ledger, and last the number
series, because everybody who finalises waits there.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

import queue_core
from payments_app.documents import frozen
from payments_app.documents.seller import SELLER
from payments_app.domain.customer import Customer
from payments_app.domain.errors import InvalidTransition, NotFound, VersionConflict
from payments_app.domain.invoice import Invoice, InvoiceStatus
from payments_app.domain.ledger import Account, PostingKind
from payments_app.domain.money import Money
from payments_app.domain.totals import Totals
from payments_app.jobs import FinalizeInvoice
from payments_app.services import customers, ledger, numbering
from payments_app.services.invoices.dates import checked_due_date, link_expires_at, usual_due_date
from payments_app.services.invoices.drafts import require_payable
from payments_app.services.ledger import Transfer
from payments_app.services.locking import lock_invoice


def request_finalize(session: Session, invoice_id: str, *, now: datetime) -> Invoice:
    """Ask for the invoice to be numbered and sent. A no-op when it already is.

    Raises NotFound, Invalid, InvalidAmount (cannot be paid), InvalidTransition (void).
    """
    _customer, invoice = _lock_with_customer(session, invoice_id)
    if invoice.number is not None and invoice.status is not InvoiceStatus.VOID:
        return invoice
    if invoice.status is not InvoiceStatus.DRAFT:
        raise InvalidTransition("invoice", str(invoice.status), "be sent")
    _require_sendable(invoice, now)
    if invoice.finalize_requested_at is None:
        invoice.finalize_requested_at = now
        session.flush()
    # wake: the job that has just refused an earlier version of this draft may still be executing,
    # and would swallow this request.
    queue_core.insert(session, FinalizeInvoice(invoice_id=invoice.id), wake=True)
    return invoice


def finalize(session: Session, invoice_id: str, *, now: datetime) -> Invoice:
    """Number, post and freeze the invoice; one that has its number is returned as it is.

    Raises NotFound, Invalid, InvalidAmount, InvalidTransition (void, or no longer asked for).
    """
    customer, invoice = _lock_with_customer(session, invoice_id)
    if invoice.number is not None:
        return invoice
    if invoice.status is InvoiceStatus.DRAFT and invoice.finalize_requested_at is None:
        raise InvalidTransition("invoice", "no longer asked for", "be sent")
    customers.require_active(customer)
    _require_sendable(invoice, now)
    totals = _set_figures(invoice, now)
    _post(session, invoice, totals)
    _number(session, invoice, customer, totals, now)
    session.flush()
    return invoice


def withdraw_finalize(session: Session, invoice_id: str) -> None:
    """Give a draft that cannot be sent back to its author. Anything else is left alone."""
    invoice = lock_invoice(session, invoice_id)
    if invoice.status is InvoiceStatus.DRAFT:
        invoice.finalize_requested_at = None
        session.flush()


def _lock_with_customer(session: Session, invoice_id: str) -> tuple[Customer, Invoice]:
    customer_id = session.execute(
        select(Invoice.customer_id).where(Invoice.id == invoice_id)
    ).scalar_one_or_none()
    if customer_id is None:
        raise NotFound("invoice", invoice_id)
    customer = customers.lock_shared(session, customer_id)
    invoice = lock_invoice(session, invoice_id)
    if invoice.customer_id != customer.id:
        # The draft was given to another customer between the two statements.
        raise VersionConflict("Somebody changed this draft meanwhile. Load it again and repeat.")
    invoice.customer = customer
    return customer, invoice


def _require_sendable(invoice: Invoice, now: datetime) -> None:
    customers.require_active(invoice.customer)
    require_payable(Money(invoice.total_minor, invoice.currency))
    checked_due_date(invoice.due_date, now.date())


def _set_figures(invoice: Invoice, now: datetime) -> Totals:
    totals = invoice.figures()
    invoice.subtotal_minor = totals.subtotal_minor
    invoice.tax_minor = totals.tax_minor
    invoice.total_minor = totals.total_minor
    invoice.issue_date = now.date()
    invoice.due_date = invoice.due_date or usual_due_date(invoice.issue_date)
    return totals


def _post(session: Session, invoice: Invoice, totals: Totals) -> None:
    ledger.post(
        session,
        source_type="invoice",
        source_id=invoice.id,
        kind=PostingKind.FINALIZE,
        currency=invoice.currency,
        transfers=(
            Transfer(Account.RECEIVABLE, Account.REVENUE, totals.subtotal_minor),
            # One transfer per rate: a tax return asks for each rate by itself.
            *(
                Transfer(Account.RECEIVABLE, Account.TAX, group.tax_minor)
                for group in totals.groups
            ),
        ),
    )


def _number(
    session: Session, invoice: Invoice, customer: Customer, totals: Totals, now: datetime
) -> None:
    assert invoice.due_date, f"{invoice.id} is finalised without a due date"
    invoice.move("finalize")
    invoice.finalized_at = now
    invoice.public_token_expires_at = link_expires_at(invoice.due_date)
    # The last lock. What follows writes only the invoice, whose lock is already held.
    with session.no_autoflush:
        invoice.number = numbering.take(session, numbering.Series.INVOICE)
    invoice.document = frozen.invoice_document(invoice, customer, SELLER, totals)
