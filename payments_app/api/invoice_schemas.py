"""What requests may say about an invoice, and how one is shown.

``quantity`` and ``tax_rate`` (percent) are decimal strings; prices are minor units without tax. The
figures of the answer are computed here on the server, never taken from a request.
"""

from typing import Any

import marshmallow as ma

from payments_app.api import paging
from payments_app.api.fields import Amount, DecimalShown, DecimalText, HostedLink, Id, Text
from payments_app.api.schema import AnswerSchema, RequestSchema
from payments_app.domain.customer import TEXT_LENGTH_MAX
from payments_app.domain.invoice import LINES_MAX, InvoiceStatus
from payments_app.domain.money import Rounding

_Messages = dict[str, str | list[Any] | dict[Any, Any]]
_LIST_MESSAGES: _Messages = {"invalid": "Write a list: […].", "required": "This field is required."}
_DATE_MESSAGES: _Messages = {
    "invalid": "Write a date like 2026-11-30.",
    "invalid_type": "Write a date.",
}


class LineAsked(RequestSchema):
    """One line: how many of what, at which price without tax, at which tax rate in percent."""

    description = Text(length_min=1, length_max=TEXT_LENGTH_MAX, required=True)
    quantity = DecimalText(required=True, metadata={"description": "More than 0, 3 decimals."})
    unit_amount_minor = Amount(low=0, required=True)
    tax_rate = DecimalText(required=True, metadata={"description": "Percent, 0 to 100."})


class ChangedInvoice(RequestSchema):
    """What may be changed in a draft; a field that is left out stays as it is."""

    customer_id = Id("cus")
    currency = Text(length_min=3, length_max=3, metadata={"examples": ["USD"]})
    lines = ma.fields.List(
        ma.fields.Nested(LineAsked),
        error_messages=_LIST_MESSAGES,
        metadata={"minItems": 1, "maxItems": LINES_MAX},
    )
    due_date = ma.fields.Date(allow_none=True, error_messages=_DATE_MESSAGES)
    rounding = ma.fields.Enum(
        Rounding,
        by_value=True,
        error_messages={"unknown": "Write one of {choices}."},
        metadata={
            "description": "Where half a minor unit of a line or of a tax goes: up, which is usual,"
            " or to the even neighbour."
        },
    )
    memo = Text(length_max=TEXT_LENGTH_MAX)


class NewInvoice(ChangedInvoice):
    """A draft to be made."""

    customer_id = Id("cus", required=True)
    currency = Text(length_min=3, length_max=3, required=True, metadata={"examples": ["USD"]})
    lines = ma.fields.List(
        ma.fields.Nested(LineAsked),
        required=True,
        error_messages=_LIST_MESSAGES,
        metadata={"minItems": 1, "maxItems": LINES_MAX},
    )


class Reason(RequestSchema):
    """Why, for the log."""

    reason = Text(length_min=1, length_max=TEXT_LENGTH_MAX, required=True)


class UsedCredit(RequestSchema):
    """How much of the customer's credit; without an amount, as much as there is and as is due."""

    amount_minor = Amount(low=1, load_default=None, allow_none=True)


class LineShown(AnswerSchema):
    """A line of an invoice."""

    id = ma.fields.String(required=True)
    description = ma.fields.String(required=True)
    quantity = DecimalShown(required=True)
    unit_amount_minor = ma.fields.Integer(required=True)
    tax_rate = DecimalShown(required=True)


class InvoiceSchema(AnswerSchema):
    """An invoice. `due_minor` is what is left to pay; `number` is null until it is open.

    `hosted_url` is the page on which its customer pays: whoever has it can see the invoice.
    """

    id = ma.fields.String(required=True)
    customer_id = ma.fields.String(required=True)
    status = ma.fields.Enum(InvoiceStatus, by_value=True, required=True)
    number = ma.fields.String(required=True, allow_none=True)
    currency = ma.fields.String(required=True)
    rounding = ma.fields.Enum(Rounding, by_value=True, required=True)
    lines = ma.fields.List(ma.fields.Nested(LineShown), required=True)
    subtotal_minor = ma.fields.Integer(required=True)
    tax_minor = ma.fields.Integer(required=True)
    total_minor = ma.fields.Integer(required=True)
    due_minor = ma.fields.Integer(required=True)
    paid_minor = ma.fields.Integer(required=True, attribute="allocated_minor")
    credited_minor = ma.fields.Integer(required=True)
    hosted_url = HostedLink(required=True, allow_none=True, attribute="public_token")
    memo = ma.fields.String(required=True)
    issue_date = ma.fields.Date(required=True, allow_none=True)
    due_date = ma.fields.Date(required=True, allow_none=True)
    finalize_requested_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    created_at = ma.fields.AwareDateTime(required=True)
    finalized_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    paid_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class InvoicesQuery(paging.PageQuery):
    """Which invoices."""

    status = ma.fields.Enum(
        InvoiceStatus,
        by_value=True,
        load_default=None,
        error_messages={"unknown": "Write one of {choices}."},
    )
    customer_id = Id("cus", load_default=None)


class InvoicesSchema(AnswerSchema):
    """A page of invoices, newest first."""

    data = ma.fields.List(ma.fields.Nested(InvoiceSchema), required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)
