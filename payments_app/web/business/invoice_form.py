"""Writing an invoice: the form, its lines, its totals, all computed on the server.

Add, remove and move are buttons of the same form: without script they travel to the server and
back, with it only the lines do. Nothing is saved by them.
"""

from flask import flash, g, redirect, render_template, request, url_for

from payments_app.domain.errors import DomainError, InvalidTransition, VersionConflict
from payments_app.domain.invoice import Invoice
from payments_app.queries import customer_pages
from payments_app.services import invoices as service
from payments_app.web.business.blueprint import bp
from payments_app.web.business.invoice_lines import CURRENCIES, ROUNDINGS, InvoiceForm
from payments_app.web.pages import Page, today
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading, writing


@bp.get("/invoices/new")
@requires(Permission.EDIT_BUSINESS)
def new_invoice() -> Page:
    with reading():
        form = InvoiceForm.blank(today(), customer_id=request.args.get("customer", ""))
    return _page(form, None)


@bp.post("/invoices/new")
@requires(Permission.EDIT_BUSINESS)
def create_invoice() -> Page:
    form = InvoiceForm.submitted()
    if form.rearrange():
        return _page(form, None)
    draft = form.draft()
    if draft is not None:
        try:
            with writing() as db:
                made = service.create_draft(db, **draft, now=g.now)
        except DomainError as error:
            form.take(error)
        else:
            return _saved(form, made)
    return _page(form, None), 422


@bp.get("/invoices/<invoice_id>/edit")
@requires(Permission.EDIT_BUSINESS)
def edit_invoice(invoice_id: str) -> Page:
    with reading() as db:
        found = service.get(db, invoice_id)
        if found.number is not None or found.finalize_requested_at is not None:
            raise InvalidTransition("invoice", "sent", "be edited")
    return _page(InvoiceForm.of(found), found)


@bp.post("/invoices/<invoice_id>/edit")
@requires(Permission.EDIT_BUSINESS)
def change_invoice(invoice_id: str) -> Page:
    form = InvoiceForm.submitted()
    with reading() as db:
        found = service.get(db, invoice_id)
    if form.rearrange():
        return _page(form, found)
    draft = form.draft()
    status = 422
    if draft is not None:
        version = int(form["version"]) if form["version"].isdecimal() else None
        try:
            with writing() as db:
                changed = service.change_draft(
                    db, invoice_id, expected_version=version, **draft, now=g.now
                )
        except DomainError as error:
            form.take(error)
            status = 409 if isinstance(error, VersionConflict | InvalidTransition) else 422
        else:
            return _saved(form, changed)
    return _page(form, found), status


@bp.post("/invoices/preview")
@requires(Permission.EDIT_BUSINESS)
def preview_invoice() -> Page:
    """The totals of what is typed so far. Reads nothing, writes nothing."""
    form = InvoiceForm.submitted()
    return render_template("business/invoice_totals.html", form=form, preview=True)


def _saved(form: InvoiceForm, invoice: Invoice) -> Page:
    if form["do"] == "send":
        return redirect(url_for(".confirm_send", invoice_id=invoice.id), 303)
    flash("The draft is saved.", "ok")
    return redirect(url_for(".invoice", invoice_id=invoice.id), 303)


def _page(form: InvoiceForm, invoice: Invoice | None) -> str:
    with reading() as db:
        customers = customer_pages.choices(db)
    return render_template(
        "business/invoice_form.html",
        form=form,
        invoice=invoice,
        customers=customers,
        currencies=CURRENCIES,
        roundings=ROUNDINGS,
    )
