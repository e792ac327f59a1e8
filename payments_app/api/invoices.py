"""``/invoices``: a draft may be changed and thrown away; finalising is asked for and done by a job.

A finalised invoice has its number and never changes again; it is paid, voided or given up.
"""

from typing import Any

from payments_app.api import paging
from payments_app.api.blueprint import ApiBlueprint, Tags
from payments_app.api.execution import Ask, KeyPolicy, Reply
from payments_app.api.headers import require_match
from payments_app.api.invoice_schemas import (
    ChangedInvoice,
    InvoiceSchema,
    InvoicesQuery,
    InvoicesSchema,
    NewInvoice,
    Reason,
    UsedCredit,
)
from payments_app.domain.errors import Invalid, NotFound
from payments_app.domain.invoice import Invoice
from payments_app.queries import listings
from payments_app.services import credit, customers, invoices
from payments_app.services.invoices import LineDraft

blueprint = ApiBlueprint("invoices", description="What customers owe")


@blueprint.operation("GET", "/invoices", query=InvoicesQuery, shows=InvoicesSchema)
def list_invoices(ask: Ask) -> Reply:
    """Invoices, drafts included, newest first."""
    wanted = dict(ask.values)
    limit, after = wanted.pop("limit"), wanted.pop("cursor")
    return Reply(paging.answer(listings.invoices(ask.session, **wanted, after=after, limit=limit)))


@blueprint.operation(
    "POST",
    "/invoices",
    body=NewInvoice,
    shows=InvoiceSchema,
    status=201,
    key=KeyPolicy.OPTIONAL,
    refuses=(400, 409),
)
def create_invoice(ask: Ask) -> Reply:
    """Make a draft."""
    _require_customer(ask, ask.values["customer_id"])
    invoice = invoices.create_draft(ask.session, now=ask.now, **_drafted(ask.values))
    return _shown(invoice, is_new=True)


@blueprint.operation(
    "GET",
    "/invoices/<invoice_id>",
    shows=InvoiceSchema,
    tags=Tags(if_none_match=True),
    refuses=(404,),
)
def get_invoice(ask: Ask, invoice_id: str) -> Reply:
    """One invoice as it stands."""
    return _shown(invoices.get(ask.session, invoice_id))


@blueprint.operation(
    "PATCH",
    "/invoices/<invoice_id>",
    body=ChangedInvoice,
    shows=InvoiceSchema,
    tags=Tags(if_match=True),
    refuses=(404, 409, 412, 428),
)
def change_invoice(ask: Ask, invoice_id: str) -> Reply:
    """Change a draft. `lines` replaces all lines."""
    invoice = invoices.get(ask.session, invoice_id)
    require_match(invoice.version)
    merged = {**_as_drafted(invoice), **_drafted(ask.values)}
    _require_customer(ask, merged["customer_id"])
    # The version that was merged into, also under If-Match: *: nobody's change is lost.
    changed = invoices.change_draft(
        ask.session, invoice_id, expected_version=invoice.version, now=ask.now, **merged
    )
    return _shown(changed)


@blueprint.operation(
    "DELETE",
    "/invoices/<invoice_id>",
    shows=None,
    status=204,
    refuses=(404, 409, 412),
)
def delete_invoice(ask: Ask, invoice_id: str) -> Reply:
    """Throw a draft away; with If-Match, only the version that you saw."""
    require_match(invoices.get(ask.session, invoice_id).version, required=False)
    invoices.delete_draft(ask.session, invoice_id)
    return Reply()


@blueprint.operation(
    "POST",
    "/invoices/<invoice_id>/finalize",
    shows=InvoiceSchema,
    status=202,
    key=KeyPolicy.OPTIONAL,
    refuses=(400, 404, 409),
)
def finalize_invoice(ask: Ask, invoice_id: str) -> Reply:
    """Ask for a draft to be numbered and sent; a no-op when it already is."""
    return _shown(invoices.request_finalize(ask.session, invoice_id, now=ask.now), is_new=True)


@blueprint.operation(
    "POST",
    "/invoices/<invoice_id>/void",
    body=Reason,
    shows=InvoiceSchema,
    key=KeyPolicy.OPTIONAL,
    refuses=(400, 404, 409),
)
def void_invoice(ask: Ask, invoice_id: str) -> Reply:
    """Declare an invoice never owed."""
    return _shown(invoices.void(ask.session, invoice_id, reason=ask.values["reason"], now=ask.now))


@blueprint.operation(
    "POST",
    "/invoices/<invoice_id>/give-up",
    body=Reason,
    shows=InvoiceSchema,
    key=KeyPolicy.OPTIONAL,
    refuses=(400, 404, 409),
)
def give_up_invoice(ask: Ask, invoice_id: str) -> Reply:
    """Stop expecting the money of an open invoice; it may still be paid one day."""
    return _shown(
        invoices.give_up(ask.session, invoice_id, reason=ask.values["reason"], now=ask.now)
    )


@blueprint.operation(
    "POST",
    "/invoices/<invoice_id>/apply-credit",
    body=UsedCredit,
    shows=InvoiceSchema,
    key=KeyPolicy.REQUIRED,
    refuses=(400, 404, 409),
)
def apply_credit(ask: Ask, invoice_id: str) -> Reply:
    """Settle what is due by the customer's credit; by default as much as there is of it."""
    credit.apply(ask.session, invoice_id, amount_minor=ask.values["amount_minor"], now=ask.now)
    return _shown(invoices.get(ask.session, invoice_id))


def _require_customer(ask: Ask, customer_id: str) -> None:
    try:
        customers.get(ask.session, customer_id)
    except NotFound as error:
        # The address was right; a field of the body is wrong.
        raise Invalid("customer_id", str(error)) from None


def _drafted(values: dict[str, Any]) -> dict[str, Any]:
    """The given fields as the service takes them."""
    drafted = dict(values)
    if "lines" in drafted:
        drafted["lines"] = [LineDraft(**line) for line in drafted["lines"]]
    return drafted


def _as_drafted(invoice: Invoice) -> dict[str, Any]:
    """What the draft says now."""
    return {
        "customer_id": invoice.customer_id,
        "currency": invoice.currency,
        "due_date": invoice.due_date,
        "memo": invoice.memo,
        "rounding": invoice.rounding,
        "lines": [
            LineDraft(line.description, line.quantity, line.unit_amount_minor, line.tax_rate)
            for line in invoice.lines
        ],
    }


def _shown(invoice: Invoice, *, is_new: bool = False) -> Reply:
    location = f"/api/v1/invoices/{invoice.id}" if is_new else None
    return Reply(invoice, location=location, version=invoice.version)
