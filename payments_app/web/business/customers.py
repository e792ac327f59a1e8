"""Customers: the list, one customer, the form."""

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from payments_app.domain.customer import Customer
from payments_app.domain.errors import DomainError, Invalid, VersionConflict
from payments_app.queries import credit, customer_pages, invoice_pages, payment_pages
from payments_app.services import customers as service
from payments_app.web.business.blueprint import bp
from payments_app.web.forms import Form
from payments_app.web.pages import Page, page_number, search, today, with_page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading, writing

FIELDS = ("name", "email", "address", "tax_id", "notes")


@bp.get("/customers")
@requires(Permission.READ_BUSINESS)
def customers() -> Page:
    archived = request.args.get("tab") == "archived"
    with reading() as db:
        page = customer_pages.customer_list(
            db, search=search(), archived=archived, page=page_number()
        )
        balances = customer_pages.balances(db, [row.id for row in page.rows])
    return render_template(
        "business/customers.html",
        page=page,
        balances=balances,
        archived=archived,
        search=search(),
        page_url=with_page(),
    )


@bp.get("/customers/<customer_id>")
@requires(Permission.READ_BUSINESS)
def customer(customer_id: str) -> Page:
    with reading() as db:
        found = service.get(db, customer_id)
        return render_template(
            "business/customer.html",
            customer=found,
            balances=customer_pages.balances(db, [found.id]).get(found.id, []),
            invoices=invoice_pages.invoice_list(
                db, today=today(), customer_id=found.id, page=page_number()
            ),
            payments=payment_pages.payment_list(db, customer_id=found.id),
            credit=credit.balances(db, found.id),
            page_url=with_page(),
        )


@bp.get("/customers/new")
@requires(Permission.EDIT_BUSINESS)
def new_customer() -> Page:
    return _form(Form(), None)


@bp.post("/customers/new")
@requires(Permission.EDIT_BUSINESS)
def create_customer() -> Page:
    form = Form.submitted()
    try:
        with writing() as db:
            made = service.create(db, **_fields(form))
            twins = customer_pages.same_address(db, made.email, other_than=made.id)
    except Invalid as error:
        return _refused(form, error, None)
    if twins:
        flash("Another customer has the same email address. Both are kept.", "warn")
    flash(f"{made.name} is saved.", "ok")
    return redirect(url_for(".customer", customer_id=made.id), 303)


@bp.get("/customers/<customer_id>/edit")
@requires(Permission.EDIT_BUSINESS)
def edit_customer(customer_id: str) -> Page:
    with reading() as db:
        found = service.get(db, customer_id)
    values = {name: str(getattr(found, name)) for name in FIELDS}
    return _form(Form({**values, "version": str(found.version)}), found)


@bp.post("/customers/<customer_id>/edit")
@requires(Permission.EDIT_BUSINESS)
def change_customer(customer_id: str) -> Page:
    form = Form.submitted()
    try:
        with writing() as db:
            changed = service.change(
                db, customer_id, expected_version=_version(form), **_fields(form)
            )
    except (Invalid, VersionConflict) as error:
        with reading() as db:
            found = service.get(db, customer_id)
        return _refused(form, error, found)
    flash(f"{changed.name} is saved.", "ok")
    return redirect(url_for(".customer", customer_id=customer_id), 303)


@bp.get("/customers/<customer_id>/archive")
@requires(Permission.EDIT_BUSINESS)
def confirm_archive(customer_id: str) -> Page:
    with reading() as db:
        return render_template(
            "business/customer_archive.html", customer=service.get(db, customer_id)
        )


@bp.post("/customers/<customer_id>/archive")
@requires(Permission.EDIT_BUSINESS)
def archive_customer(customer_id: str) -> Response:
    with writing() as db:
        found = service.archive(db, customer_id, now=g.now)
    flash(f"{found.name} is archived. Open invoices can still be paid.", "ok")
    return redirect(url_for(".customer", customer_id=customer_id), 303)


def _fields(form: Form) -> dict[str, str]:
    return {name: form[name].replace("\r\n", "\n") for name in FIELDS}


def _version(form: Form) -> int | None:
    return int(form["version"]) if form["version"].isdecimal() else None


def _refused(form: Form, error: DomainError, customer: Customer | None) -> Page:
    form.take(error)
    page = _form(form, customer)
    return str(page), 409 if isinstance(error, VersionConflict) else 422


def _form(form: Form, customer: Customer | None) -> str:
    return render_template("business/customer_form.html", form=form, customer=customer)
