"""The texts of mails: the facts are in them, and nothing that a customer typed is in a title."""

from datetime import UTC, datetime

from payments_app.documents import email_texts
from payments_app.domain.invoice import InvoiceStatus
from payments_app.domain.payment import Payment
from payments_app.domain.refund import Refund
from tests.documents.conftest import an_invoice

NASTY = "Ada\r\nBcc: everybody@example.com"


def a_payment(captured_minor: int) -> Payment:
    finished = datetime(2026, 11, 25, tzinfo=UTC)
    return Payment(id="pay_1", currency="USD", captured_minor=captured_minor, finished_at=finished)


def test_an_invoice_mail_says_how_much_until_when_and_where_to_pay(invoice):
    text = email_texts.invoice_sent(invoice.document, "https://pay.example/i/token")

    assert text.title == "Invoice INV-000042 from Harbour & Pine Studio"
    assert text.body.startswith("Dear Ada Ltd,\n\n")
    for said in ("$180.00", "December 23, 2026", "https://pay.example/i/token", "attached"):
        assert said in text.body


def test_a_receipt_says_that_the_card_was_charged_once(invoice):
    invoice.allocated_minor, invoice.status = 18_000, InvoiceStatus.PAID
    text = email_texts.receipt(a_payment(18_000), invoice, invoice.customer.name)

    assert text.title == "Receipt for invoice INV-000042"
    for said in ("$180.00", "charged once", "paid in full", "pay_1"):
        assert said in text.body


def test_a_receipt_of_a_part_says_what_is_still_due(invoice):
    invoice.allocated_minor, invoice.status = 5_000, InvoiceStatus.OPEN
    text = email_texts.receipt(a_payment(5_000), invoice, invoice.customer.name)

    assert "Still due on this invoice: $130.00." in text.body


def test_a_refund_notice_says_how_much_comes_back_and_why(invoice):
    refund = Refund(id="rfd_1", amount_minor=2_500, currency="USD", reason="Damaged")
    text = email_texts.refunded(refund, invoice, invoice.customer.name)

    for said in ("$25.00", "INV-000042", "Damaged", "rfd_1"):
        assert said in text.body


def test_a_credit_note_mail_names_note_and_invoice(credit_note):
    text = email_texts.credit_note_sent(credit_note)

    assert text.title == "Credit note CN-000007 from Harbour & Pine Studio"
    assert "$60.00 for invoice INV-000042" in text.body


def test_what_a_customer_typed_never_reaches_a_title(credit_note):
    invoice = an_invoice(name=NASTY, memo=NASTY)
    refund = Refund(id="rfd_1", amount_minor=1, currency="USD", reason=NASTY)
    titles = [
        email_texts.invoice_sent(invoice.document, "https://pay.example").title,
        email_texts.receipt(a_payment(1), invoice, invoice.customer.name).title,
        email_texts.refunded(refund, invoice, invoice.customer.name).title,
        email_texts.credit_note_sent({**credit_note, "customer": {"name": NASTY}}).title,
    ]

    assert not any("Ada" in title or "\n" in title for title in titles)
