"""``/payments``: asked for on an invoice, carried out by workers, read until they have ended.

A 202 says that the request is kept, not that money moved. ``processing`` may mean that the bank
was asked and its answer is still missing: never pay again for that reason, read again.
"""

import marshmallow as ma

from payments_app.api import paging
from payments_app.api.blueprint import ApiBlueprint
from payments_app.api.execution import Ask, KeyPolicy, Reply
from payments_app.api.fields import Amount, Flag, Id, Text
from payments_app.api.schema import AnswerSchema, RequestSchema
from payments_app.domain.attempt import AttemptStatus
from payments_app.domain.payment import Payment, PaymentStatus
from payments_app.queries import listings
from payments_app.services import payments
from payments_app.services.invoices import get as get_invoice

CARD_LENGTH_MAX = 64

blueprint = ApiBlueprint("payments", description="Money from a card to us, once")


class UsedCard(RequestSchema):
    """A payment method token of the gateway."""

    payment_method = Text(
        length_min=1,
        length_max=CARD_LENGTH_MAX,
        required=True,
        metadata={"examples": ["pm_card_visa"]},
    )


class NewPayment(UsedCard):
    """A payment to be made; without an amount, of all that is due."""

    amount_minor = Amount(low=1, load_default=None, allow_none=True)


class CancelRequest(RequestSchema):
    """The end of a payment; no body is an empty one."""

    refund_if_captured = Flag(load_default=False)


class AttemptSchema(AnswerSchema):
    """One question to the bank. `unknown`: no answer came yet, and money may have moved."""

    n = ma.fields.Integer(required=True)
    status = ma.fields.Enum(AttemptStatus, by_value=True, required=True)
    payment_method = ma.fields.String(required=True)
    decline_code = ma.fields.String(required=True, allow_none=True)
    decline_message = ma.fields.String(required=True, allow_none=True)
    sent_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    answered_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class PaymentSchema(AnswerSchema):
    """A payment. `completed`, `failed` and `cancelled` are final."""

    id = ma.fields.String(required=True)
    invoice_id = ma.fields.String(required=True)
    customer_id = ma.fields.String(required=True)
    status = ma.fields.Enum(PaymentStatus, by_value=True, required=True)
    amount_minor = ma.fields.Integer(required=True)
    currency = ma.fields.String(required=True)
    captured_minor = ma.fields.Integer(required=True)
    refunded_minor = ma.fields.Integer(required=True)
    refundable_minor = ma.fields.Integer(required=True)
    refund_if_captured = ma.fields.Boolean(required=True)
    payment_method = ma.fields.String(required=True)
    gateway_intent_id = ma.fields.String(required=True, allow_none=True)
    failure_code = ma.fields.String(required=True, allow_none=True)
    failure_message = ma.fields.String(required=True, allow_none=True)
    attempts = ma.fields.List(ma.fields.Nested(AttemptSchema), required=True)
    next_action_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    deadline_at = ma.fields.AwareDateTime(required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    finished_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class PaymentsQuery(paging.PageQuery):
    """Which payments."""

    status = ma.fields.Enum(
        PaymentStatus,
        by_value=True,
        load_default=None,
        error_messages={"unknown": "Write one of {choices}."},
    )
    invoice_id = Id("inv", load_default=None)
    customer_id = Id("cus", load_default=None)


class PaymentsSchema(AnswerSchema):
    """A page of payments, newest first."""

    data = ma.fields.List(ma.fields.Nested(PaymentSchema), required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


@blueprint.operation(
    "POST",
    "/invoices/<invoice_id>/payments",
    body=NewPayment,
    shows=PaymentSchema,
    status=202,
    key=KeyPolicy.REQUIRED,
    refuses=(400, 404, 409),
)
def create_payment(ask: Ask, invoice_id: str) -> Reply:
    """Ask for a payment of an open invoice."""
    payment = payments.request_payment(
        ask.session, invoice_id, source="api", now=ask.now, **ask.values
    )
    return _shown(payment)


@blueprint.operation(
    "GET",
    "/invoices/<invoice_id>/payments",
    query=paging.PageQuery,
    shows=PaymentsSchema,
    refuses=(404,),
)
def list_payments_of_invoice(ask: Ask, invoice_id: str) -> Reply:
    """Payments of one invoice, newest first."""
    get_invoice(ask.session, invoice_id)
    page = listings.payments(
        ask.session,
        invoice_id=invoice_id,
        after=ask.values["cursor"],
        limit=ask.values["limit"],
    )
    return Reply(paging.answer(page))


@blueprint.operation("GET", "/payments", query=PaymentsQuery, shows=PaymentsSchema)
def list_payments(ask: Ask) -> Reply:
    """Payments, newest first."""
    wanted = dict(ask.values)
    limit, after = wanted.pop("limit"), wanted.pop("cursor")
    return Reply(paging.answer(listings.payments(ask.session, **wanted, after=after, limit=limit)))


@blueprint.operation("GET", "/payments/<payment_id>", shows=PaymentSchema, refuses=(404,))
def get_payment(ask: Ask, payment_id: str) -> Reply:
    """One payment as it stands."""
    return Reply(payments.get(ask.session, payment_id))


@blueprint.operation(
    "POST",
    "/payments/<payment_id>/cancel",
    body=CancelRequest,
    shows=PaymentSchema,
    status=202,
    key=KeyPolicy.OPTIONAL,
    refuses=(400, 404, 409),
)
def cancel_payment(ask: Ask, payment_id: str) -> Reply:
    """Ask for the end of a payment.

    It becomes cancelled when the gateway confirms that it can no longer capture; if the gateway
    captured first, it becomes completed instead. With `refund_if_captured` it is then refunded in
    full at once, without a credit note.
    """
    wanted = ask.values["refund_if_captured"]
    return _shown(
        payments.request_cancel(ask.session, payment_id, refund_if_captured=wanted, now=ask.now)
    )


@blueprint.operation(
    "POST",
    "/payments/<payment_id>/card",
    body=UsedCard,
    shows=PaymentSchema,
    status=202,
    key=KeyPolicy.OPTIONAL,
    refuses=(400, 404, 409),
)
def use_card(ask: Ask, payment_id: str) -> Reply:
    """Give another card for a payment whose last one was declined."""
    return _shown(
        payments.use_card(ask.session, payment_id, ask.values["payment_method"], now=ask.now)
    )


def _shown(payment: Payment) -> Reply:
    return Reply(payment, location=f"/api/v1/payments/{payment.id}")
