"""``/refunds``: money on its way back, never more than was captured."""

import marshmallow as ma

from payments_app.api import paging
from payments_app.api.blueprint import ApiBlueprint
from payments_app.api.execution import Ask, KeyPolicy, Reply
from payments_app.api.fields import Amount, Flag, Text
from payments_app.api.schema import AnswerSchema, RequestSchema
from payments_app.domain.refund import RefundStatus
from payments_app.queries import listings
from payments_app.services import payments, refunds

blueprint = ApiBlueprint("refunds", description="Money on its way back")


class NewRefund(RequestSchema):
    """A refund to be made. With a credit note, the invoice stays settled."""

    amount_minor = Amount(low=1, required=True)
    reason = Text(length_min=1, length_max=refunds.REASON_LENGTH_MAX, required=True)
    with_credit_note = Flag(load_default=True)


class RefundSchema(AnswerSchema):
    """A refund. `completed` and `failed` are final."""

    id = ma.fields.String(required=True)
    payment_id = ma.fields.String(required=True)
    status = ma.fields.Enum(RefundStatus, by_value=True, required=True)
    amount_minor = ma.fields.Integer(required=True)
    currency = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    with_credit_note = ma.fields.Boolean(required=True)
    failure_code = ma.fields.String(required=True, allow_none=True)
    created_at = ma.fields.AwareDateTime(required=True)
    finished_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class RefundsSchema(AnswerSchema):
    """A page of refunds, newest first."""

    data = ma.fields.List(ma.fields.Nested(RefundSchema), required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


@blueprint.operation(
    "POST",
    "/payments/<payment_id>/refunds",
    body=NewRefund,
    shows=RefundSchema,
    status=202,
    key=KeyPolicy.REQUIRED,
    refuses=(400, 404, 409),
)
def create_refund(ask: Ask, payment_id: str) -> Reply:
    """Ask for money of a completed payment to be sent back."""
    refund = refunds.request_refund(ask.session, payment_id, now=ask.now, **ask.values)
    return Reply(refund, location=f"/api/v1/refunds/{refund.id}")


@blueprint.operation(
    "GET",
    "/payments/<payment_id>/refunds",
    query=paging.PageQuery,
    shows=RefundsSchema,
    refuses=(404,),
)
def list_refunds_of_payment(ask: Ask, payment_id: str) -> Reply:
    """Refunds of one payment, newest first."""
    payments.get(ask.session, payment_id)
    page = listings.refunds(
        ask.session, payment_id, after=ask.values["cursor"], limit=ask.values["limit"]
    )
    return Reply(paging.answer(page))


@blueprint.operation("GET", "/refunds/<refund_id>", shows=RefundSchema, refuses=(404,))
def get_refund(ask: Ask, refund_id: str) -> Reply:
    """One refund as it stands."""
    return Reply(refunds.get(ask.session, refund_id))
