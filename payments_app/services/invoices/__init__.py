"""Invoices: written as drafts, finalised once by a job, closed by payment, void or giving up.

``drafts`` may be changed freely; ``finalizing`` gives number, ledger posting and frozen document
in one transaction; ``closing`` ends what nobody will pay. These names are the interface.
"""

from payments_app.services.invoices.closing import give_up, void
from payments_app.services.invoices.drafts import change_draft, create_draft, delete_draft
from payments_app.services.invoices.finalizing import finalize, request_finalize, withdraw_finalize
from payments_app.services.invoices.lines import LineDraft
from payments_app.services.invoices.reading import by_token, get

__all__ = [
    "LineDraft",
    "by_token",
    "change_draft",
    "create_draft",
    "delete_draft",
    "finalize",
    "get",
    "give_up",
    "request_finalize",
    "void",
    "withdraw_finalize",
]
