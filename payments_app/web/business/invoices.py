"""Invoices: the list with its tabs, and one invoice as a document with what can be done to it."""

from typing import Any

from flask import Response as FlaskResponse
from flask import g, make_response, render_template, url_for
from werkzeug.wrappers import Response

from payments_app.documents import frozen
from payments_app.documents.seller import SELLER
from payments_app.domain.invoice import Invoice
from payments_app.queries import credit, invoice_pages, payment_pages
from payments_app.services import documents
from payments_app.services import invoices as service
from payments_app.web.business.blueprint import bp
from payments_app.web.forms import Form
from payments_app.web.live import answer
from payments_app.web.pages import Page, page_number, search, tab, today, with_page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading


@bp.get("/invoices")
@requires(Permission.READ_BUSINESS)
def invoices() -> Page:
    chosen = tab(dict(invoice_pages.TABS))
    with reading() as db:
        return render_template(
            "business/invoices.html",
            page=invoice_pages.invoice_list(
                db, today=today(), tab=chosen, search=search(), page=page_number()
            ),
            counts=invoice_pages.invoice_counts(db, today=today(), search=search()),
            tab=chosen,
            search=search(),
            page_url=with_page(),
        )


@bp.get("/invoices/<invoice_id>")
@requires(Permission.READ_BUSINESS)
def invoice(invoice_id: str) -> Page:
    with reading() as db:
        found = service.get(db, invoice_id)
        state = invoice_pages.state_of(db, invoice_id, today=today()) or ""
        around = invoice_pages.surroundings(db, invoice_id)
        return render_template(
            "business/invoice.html",
            invoice=found,
            state=state,
            around=around,
            seen=_seen(found, around),
            document=document_of(found),
            payments=payment_pages.payment_list(db, invoice_id=invoice_id),
            public_url=_public_url(found),
            credit_minor=credit.balances(db, found.customer_id).get(found.currency, 0),
            form=Form(),
        )


@bp.get("/invoices/<invoice_id>/live")
@requires(Permission.READ_BUSINESS)
def invoice_live(invoice_id: str) -> Response:
    """Nothing while the page shows what is true; then the order to load it again."""
    with reading() as db:
        found = service.get(db, invoice_id)
        seen = _seen(found, invoice_pages.surroundings(db, invoice_id))
    return answer(seen, None)


@bp.get("/invoices/<invoice_id>.pdf")
@requires(Permission.READ_BUSINESS)
def invoice_pdf(invoice_id: str) -> FlaskResponse:
    with reading() as db:
        found = service.get(db, invoice_id)
        return pdf(documents.get(db, subject_id=found.id, kind="invoice"), found.number or "draft")


def pdf(stored: documents.Stored, name: str) -> FlaskResponse:
    """A stored document as a download."""
    response = make_response(stored.content)
    response.headers["Content-Type"] = stored.media_type
    response.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return response


def document_of(invoice: Invoice) -> dict[str, Any]:
    """What the document says: the frozen one, or for a draft what it would say now."""
    if invoice.document is not None:
        return invoice.document
    totals = invoice.figures()
    return {
        "number": None,
        "currency": invoice.currency,
        "issue_date": None,
        "due_date": invoice.due_date.isoformat() if invoice.due_date else None,
        "seller": {"name": SELLER.name, "address": SELLER.address, "tax_id": SELLER.tax_id},
        "customer": {
            name: getattr(invoice.customer, name) for name in ("name", "email", "address", "tax_id")
        },
        "lines": [
            {
                "description": line.description,
                "quantity": frozen.plain(line.quantity),
                "unit_amount_minor": line.unit_amount_minor,
                "tax_rate": frozen.plain(line.tax_rate),
                "amount_minor": amount,
            }
            for line, amount in zip(invoice.lines, totals.line_minor, strict=True)
        ],
        "tax_groups": [
            {"rate": frozen.plain(group.rate), "tax_minor": group.tax_minor}
            for group in totals.groups
        ],
        "subtotal_minor": totals.subtotal_minor,
        "total_minor": totals.total_minor,
        "memo": invoice.memo,
    }


def _seen(invoice: Invoice, around: invoice_pages.InvoiceSurroundings) -> str:
    return f"{invoice.version}.{invoice.status}.{around.mail_status}.{int(around.has_pdf)}"


def _public_url(invoice: Invoice) -> str | None:
    expires = invoice.public_token_expires_at
    if expires is None or expires <= g.now:
        return None
    return url_for("public.invoice", token=invoice.public_token, _external=True)
