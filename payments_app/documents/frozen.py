"""What a document says, fixed as JSON when it gets its number.

A customer who moves, a price list or a template that changes: nothing changes a document that was
sent, because it is printed from this copy. Amounts are minor units, decimals are strings.
"""

from decimal import Decimal
from typing import Any

from payments_app.documents.seller import Seller
from payments_app.domain.customer import Customer
from payments_app.domain.invoice import CreditNote, Invoice
from payments_app.domain.payment import Payment
from payments_app.domain.totals import Totals

Frozen = dict[str, Any]

# Grows when a field changes its meaning, so that the view can still read old documents.
FORMAT = 1


def invoice_document(
    invoice: Invoice, customer: Customer, seller: Seller, totals: Totals
) -> Frozen:
    """All that the PDF of an invoice needs. The invoice has its number and its dates."""
    issued, due, at = invoice.issue_date, invoice.due_date, invoice.finalized_at
    assert invoice.number, f"{invoice.id} is frozen before it is numbered"
    assert issued, f"{invoice.id} is frozen before it is dated"
    assert due, f"{invoice.id} is frozen without a due date"
    assert at, f"{invoice.id} is frozen before it is finalised"
    return {
        "format": FORMAT,
        "kind": "invoice",
        "number": invoice.number,
        "currency": invoice.currency,
        "issue_date": issued.isoformat(),
        "due_date": due.isoformat(),
        "frozen_at": int(at.timestamp()),
        "seller": _seller(seller),
        "customer": _customer(customer),
        "lines": [
            {
                "description": line.description,
                "quantity": plain(line.quantity),
                "unit_amount_minor": line.unit_amount_minor,
                "tax_rate": plain(line.tax_rate),
                "amount_minor": amount,
            }
            for line, amount in zip(invoice.lines, totals.line_minor, strict=True)
        ],
        "rounding": str(invoice.rounding),
        "tax_groups": [
            {
                "rate": plain(group.rate),
                "base_minor": group.base_minor,
                "tax_minor": group.tax_minor,
            }
            for group in totals.groups
        ],
        "subtotal_minor": totals.subtotal_minor,
        "tax_minor": totals.tax_minor,
        "total_minor": totals.total_minor,
        "memo": invoice.memo,
    }


def credit_note_document(note: CreditNote, invoice: Invoice) -> Frozen:
    """All that the PDF of a credit note needs: nothing in it can change once it is issued."""
    assert note.number, f"{note.id} is frozen before it is numbered"
    assert note.issued_at, f"{note.id} is frozen before it is issued"
    assert invoice.document, f"{note.id} belongs to an invoice that was never sent"
    return {
        "format": FORMAT,
        "kind": "credit_note",
        "number": note.number,
        "currency": note.currency,
        "issue_date": note.issued_at.date().isoformat(),
        "frozen_at": int(note.issued_at.timestamp()),
        "seller": invoice.document["seller"],
        "customer": invoice.document["customer"],
        "invoice_number": invoice.number,
        "invoice_date": invoice.document["issue_date"],
        "reason": note.reason,
        "net_minor": note.amount_minor - note.tax_minor,
        "tax_minor": note.tax_minor,
        "total_minor": note.amount_minor,
    }


def receipt_document(payment: Payment, invoice: Invoice) -> Frozen:
    """All that the PDF of a receipt needs: what was captured, once, and for what."""
    assert payment.finished_at, f"{payment.id} has no receipt: it is not completed"
    assert invoice.document, f"{payment.id} belongs to an invoice that was never sent"
    return {
        "format": FORMAT,
        "kind": "receipt",
        "number": invoice.number,
        "currency": payment.currency,
        "issue_date": payment.finished_at.date().isoformat(),
        "frozen_at": int(payment.finished_at.timestamp()),
        "seller": invoice.document["seller"],
        "customer": invoice.document["customer"],
        "invoice_date": invoice.document["issue_date"],
        "invoice_total_minor": invoice.total_minor,
        "payment_id": payment.id,
        "charge_id": payment.latest_charge or "",
        "total_minor": payment.captured_minor,
    }


def plain(number: Decimal) -> str:
    """A decimal without exponent and trailing zeros: 2, 1.5, 100."""
    return f"{number.normalize():f}"


def _seller(seller: Seller) -> Frozen:
    return {
        "name": seller.name,
        "address": seller.address,
        "tax_id": seller.tax_id,
        "email": seller.email,
    }


def _customer(customer: Customer) -> Frozen:
    return {
        "id": customer.id,
        "name": customer.name,
        "email": customer.email,
        "address": customer.address,
        "tax_id": customer.tax_id,
    }
