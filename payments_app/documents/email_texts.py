"""The texts of our mails. Plain text: readable everywhere, and nothing in it can be an attack.

A title never contains what a customer typed, so that no name can add a header to a mail.
"""

from dataclasses import dataclass
from datetime import date

from babel.dates import format_date

from payments_app.documents.frozen import Frozen
from payments_app.documents.seller import SELLER
from payments_app.documents.view import LOCALE
from payments_app.domain.invoice import Invoice
from payments_app.domain.money import Money
from payments_app.domain.payment import Payment
from payments_app.domain.refund import Refund


@dataclass(frozen=True, slots=True)
class Text:
    """What a mail says: ``title`` is its subject line."""

    title: str
    body: str


def invoice_sent(document: Frozen, link: str) -> Text:
    """With the PDF attached: what is due, when, and where to pay."""
    seller, due = document["seller"]["name"], _day(date.fromisoformat(document["due_date"]))
    total = Money(document["total_minor"], document["currency"])
    return _text(
        f"Invoice {document['number']} from {seller}",
        document["customer"]["name"],
        f"Here is invoice {document['number']} of {total}, due on {due}. It is attached as a PDF.",
        f"See it and pay online:\n{link}",
        "Whoever has this link can see the invoice and pay it. Nobody is charged without pressing "
        "Pay, and paying twice is not possible.",
        seller=seller,
    )


def credit_note_sent(document: Frozen) -> Text:
    """With the PDF attached: how much less is owed, and on which invoice."""
    seller = document["seller"]["name"]
    total = Money(document["total_minor"], document["currency"])
    return _text(
        f"Credit note {document['number']} from {seller}",
        document["customer"]["name"],
        f"Here is credit note {document['number']} of {total} for invoice "
        f"{document['invoice_number']}. It is attached as a PDF.",
        seller=seller,
    )


def receipt(payment: Payment, invoice: Invoice, customer_name: str) -> Text:
    """What was captured, and that it was captured once."""
    paid = Money(payment.captured_minor, payment.currency)
    left = Money(invoice.due_minor, invoice.currency)
    return _text(
        f"Receipt for invoice {invoice.number}",
        customer_name,
        f"Thank you: your payment of {paid} for invoice {invoice.number} has arrived. "
        "Your card was charged once.",
        f"Still due on this invoice: {left}." if left.minor else "The invoice is paid in full.",
        f"Payment reference: {payment.id}",
    )


def refunded(refund: Refund, invoice: Invoice, customer_name: str) -> Text:
    """How much comes back, and why."""
    amount = Money(refund.amount_minor, refund.currency)
    return _text(
        f"Refund for invoice {invoice.number}",
        customer_name,
        f"We have refunded {amount} of your payment for invoice {invoice.number} to your card. "
        "Banks show it within 5 to 10 days.",
        f"Reason: {refund.reason}" if refund.reason else "",
        f"Refund reference: {refund.id}",
    )


def _text(title: str, name: str, *paragraphs: str, seller: str = SELLER.name) -> Text:
    parts = [f"Dear {name},", *filter(None, paragraphs), f"Kind regards\n{seller}"]
    return Text(title, "\n\n".join(parts) + "\n")


def _day(day: date) -> str:
    return format_date(day, format="long", locale=LOCALE)
