"""The pages of a small business: overview, customers, invoices, payments, refunds, ledger."""

from payments_app.web.business import (
    customers,
    downloads,
    invoice_actions,
    invoice_form,
    invoices,
    ledger,
    overview,
    payments,
    refunds,
    review,
)
from payments_app.web.business.blueprint import bp

__all__ = [
    "bp",
    "customers",
    "downloads",
    "invoice_actions",
    "invoice_form",
    "invoices",
    "ledger",
    "overview",
    "payments",
    "refunds",
    "review",
]
