"""The customer's page of one payment: it says what is known, and never asks to pay in doubt.

Refresh and Back are safe: this page is reached by a redirect and only reads. While the outcome is
unknown there is no pay button at all.
"""

from flask import Response as FlaskResponse
from flask import flash, g, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound as PageNotFound
from werkzeug.wrappers import Response

from payments_app.documents import pdf as renderer
from payments_app.domain.errors import DomainError, NotFound
from payments_app.domain.invoice import Invoice
from payments_app.domain.payment import Payment
from payments_app.queries import payment_pages
from payments_app.services import documents
from payments_app.services import payments as service
from payments_app.web.business.invoices import pdf
from payments_app.web.forms import Form
from payments_app.web.live import answer
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.public.blueprint import bp, invoice_of
from payments_app.web.public.invoice import TEST_CARDS
from payments_app.web.sentences import for_customer
from payments_app.web.transactions import reading, writing


@bp.get("/<token>/p/<payment_id>")
@requires(Permission.PUBLIC)
def payment(token: str, payment_id: str) -> Page:
    with reading() as db:
        return render_template("public/payment.html", **_shown(db, token, payment_id))


@bp.get("/<token>/p/<payment_id>/live")
@requires(Permission.PUBLIC)
def payment_live(token: str, payment_id: str) -> Response:
    with reading() as db:
        shown = _shown(db, token, payment_id)
        part = render_template("public/payment_live.html", **shown)
        return answer(str(shown["seen"]), part)


@bp.post("/<token>/p/<payment_id>/card")
@requires(Permission.PUBLIC)
def use_card(token: str, payment_id: str) -> Page:
    """Another card for a payment that waits after a soft decline: the same payment goes on."""
    card = Form.submitted()["payment_method"]
    if card not in TEST_CARDS:
        flash("Choose a card.", "bad")
        return redirect(url_for(".payment", token=token, payment_id=payment_id), 303)
    try:
        with writing("hosted") as db:
            _found(db, token, payment_id)
            service.use_card(db, payment_id, card, now=g.now)
    except DomainError:
        flash("This payment went on meanwhile. Nothing was sent twice.", "replay")
    else:
        flash("The other card is being tried.", "info")
    return redirect(url_for(".payment", token=token, payment_id=payment_id), 303)


@bp.get("/<token>/p/<payment_id>/receipt.pdf")
@requires(Permission.PUBLIC)
def receipt(token: str, payment_id: str) -> FlaskResponse:
    with reading() as db:
        invoice, _payment = _found(db, token, payment_id)
        said = documents.receipt_of(db, payment_id)
    stored = documents.Stored("", documents.PDF, renderer.render(said))
    return pdf(stored, f"receipt-{invoice.number}")


def _found(db: Session, token: str, payment_id: str) -> tuple[Invoice, Payment]:
    """The payment, if it belongs to the invoice of this link. Anybody else's looks like none."""
    invoice = invoice_of(db, token, g.now)
    try:
        payment = service.get(db, payment_id.replace("\x00", ""))
    except NotFound:
        raise PageNotFound from None
    if payment.invoice_id != invoice.id:
        raise PageNotFound
    return invoice, payment


def _shown(db: Session, token: str, payment_id: str) -> dict[str, object]:
    invoice, payment = _found(db, token, payment_id)
    state = payment_pages.state_of(payment, slow_at=g.now)
    return {
        "invoice": invoice,
        "payment": payment,
        "state": state,
        "sentence": for_customer(payment, state),
        "cards": TEST_CARDS,
        "form": Form({"payment_method": "pm_card_visa"}),
        "can_pay_again": payment.is_final and state != "completed" and invoice.due_minor > 0,
        # A charge becomes slow without any row changing.
        "seen": f"{payment_pages.seen(db, payment)}.{state}",
    }
