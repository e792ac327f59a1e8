"""What is done to an invoice: send, delete, void. Each asks first, on a page of its own.

A confirmation says what will happen and cannot be undone; the deed itself is a POST that any reload
or double click repeats without a second effect.
"""

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from payments_app.domain.errors import DomainError
from payments_app.services import credit
from payments_app.services import invoices as service
from payments_app.web.business.blueprint import bp
from payments_app.web.forms import Form
from payments_app.web.once import once
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading, signed_in, writing


@bp.get("/invoices/<invoice_id>/send")
@requires(Permission.EDIT_BUSINESS)
def confirm_send(invoice_id: str) -> Page:
    return _ask("business/invoice_send.html", invoice_id, Form())


@bp.post("/invoices/<invoice_id>/send")
@requires(Permission.EDIT_BUSINESS)
def send_invoice(invoice_id: str) -> Page:
    try:
        with writing() as db:
            service.request_finalize(db, invoice_id, now=g.now)
    except DomainError as error:
        return _refused("business/invoice_send.html", invoice_id, error)
    flash("The invoice is on its way: it gets its number, its PDF and its mail.", "ok")
    return _back(invoice_id)


@bp.get("/invoices/<invoice_id>/delete")
@requires(Permission.EDIT_BUSINESS)
def confirm_delete(invoice_id: str) -> Page:
    return _ask("business/invoice_delete.html", invoice_id, Form())


@bp.post("/invoices/<invoice_id>/delete")
@requires(Permission.EDIT_BUSINESS)
def delete_invoice(invoice_id: str) -> Page:
    with writing() as db:
        service.delete_draft(db, invoice_id)
    flash("The draft is deleted.", "ok")
    return redirect(url_for(".invoices"), 303)


@bp.get("/invoices/<invoice_id>/void")
@requires(Permission.VOID)
def confirm_void(invoice_id: str) -> Page:
    return _ask("business/invoice_void.html", invoice_id, Form())


@bp.post("/invoices/<invoice_id>/void")
@requires(Permission.VOID)
def void_invoice(invoice_id: str) -> Page:
    form = Form.submitted()
    try:
        with writing() as db:
            service.void(db, invoice_id, reason=form["reason"], now=g.now)
    except DomainError as error:
        return _refused("business/invoice_void.html", invoice_id, error, form)
    flash("The invoice is void. Its public page says so.", "ok")
    return _back(invoice_id)


@bp.post("/invoices/<invoice_id>/credit")
@requires(Permission.MOVE_MONEY)
def use_credit(invoice_id: str) -> Page:
    """The customer's credit settles what it can of this invoice. No card is charged."""
    form = Form.submitted()
    with writing() as db:
        done = once(
            db,
            account=f"user:{signed_in().id}",
            key=form.key,
            path=request.path,
            said={},
            deed=lambda: credit.apply(db, invoice_id, now=g.now).id,
        )
    flash(
        "Already submitted. The credit was used once."
        if done.is_repeat
        else "The customer’s credit is used on this invoice.",
        "replay" if done.is_repeat else "ok",
    )
    return _back(invoice_id)


def _ask(template: str, invoice_id: str, form: Form) -> str:
    with reading() as db:
        return render_template(template, invoice=service.get(db, invoice_id), form=form)


def _refused(
    template: str, invoice_id: str, error: DomainError, form: Form | None = None
) -> tuple[str, int]:
    form = form or Form()
    form.take(error)
    return _ask(template, invoice_id, form), 422 if error.field else 409


def _back(invoice_id: str) -> Response:
    return redirect(url_for(".invoice", invoice_id=invoice_id), 303)
