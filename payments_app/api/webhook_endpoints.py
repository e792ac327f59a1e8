"""``/webhook-endpoints``: who is told of changes. A secret is shown when made, never again."""

import marshmallow as ma

from payments_app.api.blueprint import ApiBlueprint
from payments_app.api.execution import Ask, KeyPolicy, Reply
from payments_app.api.fields import Text
from payments_app.api.schema import AnswerSchema, RequestSchema
from payments_app.queries import outbound as queries
from payments_app.services import outbound

blueprint = ApiBlueprint("webhook_endpoints", description="Who is told of changes")


class NewEndpoint(RequestSchema):
    """An address that will be told of every change from now on."""

    url = Text(
        length_min=1, length_max=outbound.URL_LENGTH_MAX, required=True, metadata={"format": "uri"}
    )


class EndpointSchema(AnswerSchema):
    """An endpoint. One with `disabled_at` is told nothing more, and is kept for its log."""

    id = ma.fields.String(required=True)
    url = ma.fields.String(required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    disabled_at = ma.fields.AwareDateTime(required=True, allow_none=True)
    disabled_reason = ma.fields.String(required=True, allow_none=True)
    previous_until = ma.fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={
            "description": "Until when deliveries carry the previous secret's signature too."
        },
    )


class EndpointWithSecretSchema(EndpointSchema):
    """An endpoint with its signing secret, as Standard Webhooks writes it."""

    secret = ma.fields.String(required=True)


class EndpointsSchema(AnswerSchema):
    """All endpoints, oldest first."""

    data = ma.fields.List(ma.fields.Nested(EndpointSchema), required=True)


@blueprint.operation("GET", "/webhook-endpoints", shows=EndpointsSchema)
def list_webhook_endpoints(ask: Ask) -> Reply:
    """All endpoints, oldest first."""
    return Reply({"data": queries.endpoints(ask.session)})


@blueprint.operation(
    "POST",
    "/webhook-endpoints",
    body=NewEndpoint,
    shows=EndpointWithSecretSchema,
    status=201,
    key=KeyPolicy.OPTIONAL,
    refuses=(400, 409),
)
def create_webhook_endpoint(ask: Ask) -> Reply:
    """Tell an address of every change from now on."""
    made = outbound.add_endpoint(ask.session, ask.values["url"])
    return Reply(made, location=f"/api/v1/webhook-endpoints/{made.id}")


@blueprint.operation(
    "GET", "/webhook-endpoints/<endpoint_id>", shows=EndpointSchema, refuses=(404,)
)
def get_webhook_endpoint(ask: Ask, endpoint_id: str) -> Reply:
    """One endpoint."""
    return Reply(outbound.get_endpoint(ask.session, endpoint_id))


@blueprint.operation(
    "DELETE", "/webhook-endpoints/<endpoint_id>", shows=None, status=204, refuses=(404,)
)
def delete_webhook_endpoint(ask: Ask, endpoint_id: str) -> Reply:
    """Tell it nothing more, nor what was on its way. Its log stays."""
    outbound.disable_endpoint(
        ask.session, endpoint_id, reason="deleted through the API", now=ask.now
    )
    return Reply()


@blueprint.operation(
    "POST",
    "/webhook-endpoints/<endpoint_id>/rotate-secret",
    shows=EndpointWithSecretSchema,
    key=KeyPolicy.OPTIONAL,
    refuses=(400, 404, 409),
)
def rotate_webhook_secret(ask: Ask, endpoint_id: str) -> Reply:
    """A new secret; for a day, deliveries carry the signatures of both."""
    return Reply(outbound.rotate_secret(ask.session, endpoint_id, now=ask.now))
