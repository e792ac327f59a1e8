"""The lists as files: the same tabs and the same search as on the page, all rows of it."""

from flask import Response

from payments_app.queries import invoice_pages, payment_pages
from payments_app.web.business.blueprint import bp
from payments_app.web.csv_file import ROWS_MAX, amount, download
from payments_app.web.pages import search, tab, today
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading


@bp.get("/invoices.csv")
@requires(Permission.READ_BUSINESS)
def invoices_csv() -> Response:
    with reading() as db:
        found = invoice_pages.invoice_list(
            db,
            today=today(),
            tab=tab(dict(invoice_pages.TABS)),
            search=search(),
            size=ROWS_MAX,
        ).rows
    columns = (
        *("id", "number", "state", "customer_id", "customer", "issued", "due"),
        *("total", "open", "currency", "created_at"),
    )
    return download(
        "invoices",
        columns,
        (
            (
                *(row.id, row.number, row.state, row.customer_id, row.customer_name),
                *(row.issue_date, row.due_date, amount(row.total_minor, row.currency)),
                *(amount(row.due_minor, row.currency), row.currency, row.created_at),
            )
            for row in found
        ),
    )


@bp.get("/payments.csv")
@requires(Permission.READ_BUSINESS)
def payments_csv() -> Response:
    with reading() as db:
        found = payment_pages.payment_list(
            db, tab=tab(dict(payment_pages.TABS)), search=search(), size=ROWS_MAX
        ).rows
    columns = (
        *("id", "state", "customer_id", "customer", "invoice_id", "invoice", "card", "attempts"),
        *("amount", "refunded", "currency", "created_at"),
    )
    return download(
        "payments",
        columns,
        (
            (
                *(row.id, row.state, row.customer_id, row.customer_name, row.invoice_id),
                *(row.invoice_number, row.payment_method, row.attempts),
                *(amount(row.amount_minor, row.currency),),
                *(amount(row.refunded_minor, row.currency), row.currency, row.created_at),
            )
            for row in found
        ),
    )
