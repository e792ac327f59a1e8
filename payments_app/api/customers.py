"""``/customers``: who is invoiced. Changed under If-Match, archived, never deleted."""

import marshmallow as ma

from payments_app.api import paging
from payments_app.api.blueprint import ApiBlueprint, Tags
from payments_app.api.execution import Ask, KeyPolicy, Reply
from payments_app.api.fields import Text
from payments_app.api.headers import require_match
from payments_app.api.schema import AnswerSchema, RequestSchema
from payments_app.domain.customer import (
    EMAIL_LENGTH_MAX,
    NAME_LENGTH_MAX,
    TEXT_LENGTH_MAX,
    Customer,
)
from payments_app.queries import credit, listings
from payments_app.services import customers

TAX_ID_LENGTH_MAX = 50

blueprint = ApiBlueprint("customers", description="Who is invoiced")


class ChangedCustomer(RequestSchema):
    """What may be changed; a field that is left out stays as it is."""

    name = Text(length_min=1, length_max=NAME_LENGTH_MAX)
    email = Text(length_min=3, length_max=EMAIL_LENGTH_MAX, metadata={"format": "email"})
    address = Text(length_max=TEXT_LENGTH_MAX)
    tax_id = Text(length_max=TAX_ID_LENGTH_MAX)
    notes = Text(length_max=TEXT_LENGTH_MAX)


class NewCustomer(ChangedCustomer):
    """A customer to be made."""

    name = Text(length_min=1, length_max=NAME_LENGTH_MAX, required=True)
    email = Text(
        length_min=3, length_max=EMAIL_LENGTH_MAX, required=True, metadata={"format": "email"}
    )


class CustomerSchema(AnswerSchema):
    """A customer."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    email = ma.fields.String(required=True)
    address = ma.fields.String(required=True)
    tax_id = ma.fields.String(required=True)
    notes = ma.fields.String(required=True)
    created_at = ma.fields.AwareDateTime(required=True)
    archived_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class CreditSchema(AnswerSchema):
    """What a customer paid beyond what was due, in one currency."""

    currency = ma.fields.String(required=True)
    amount_minor = ma.fields.Integer(required=True)


class CreditsSchema(AnswerSchema):
    """A customer's credit, one entry per currency that has any."""

    data = ma.fields.List(ma.fields.Nested(CreditSchema), required=True)


class CustomersQuery(paging.PageQuery):
    """Which customers."""

    email = Text(length_max=EMAIL_LENGTH_MAX, load_default=None)


class CustomersSchema(AnswerSchema):
    """A page of customers, newest first."""

    data = ma.fields.List(ma.fields.Nested(CustomerSchema), required=True)
    next_cursor = ma.fields.String(required=True, allow_none=True)


@blueprint.operation("GET", "/customers", query=CustomersQuery, shows=CustomersSchema)
def list_customers(ask: Ask) -> Reply:
    """Customers, newest first."""
    wanted = dict(ask.values)
    limit, after = wanted.pop("limit"), wanted.pop("cursor")
    return Reply(paging.answer(listings.customers(ask.session, **wanted, after=after, limit=limit)))


@blueprint.operation(
    "POST",
    "/customers",
    body=NewCustomer,
    shows=CustomerSchema,
    status=201,
    key=KeyPolicy.OPTIONAL,
    refuses=(400, 409),
)
def create_customer(ask: Ask) -> Reply:
    """Make a customer."""
    return _shown(customers.create(ask.session, **ask.values), is_new=True)


@blueprint.operation("GET", "/customers/<customer_id>/credit", shows=CreditsSchema, refuses=(404,))
def get_credit(ask: Ask, customer_id: str) -> Reply:
    """A customer's credit; `POST /invoices/{id}/apply-credit` uses it."""
    customers.get(ask.session, customer_id)
    found = credit.balances(ask.session, customer_id)
    return Reply({"data": [{"currency": code, "amount_minor": n} for code, n in found.items()]})


@blueprint.operation(
    "GET",
    "/customers/<customer_id>",
    shows=CustomerSchema,
    tags=Tags(if_none_match=True),
    refuses=(404,),
)
def get_customer(ask: Ask, customer_id: str) -> Reply:
    """One customer."""
    return _shown(customers.get(ask.session, customer_id))


@blueprint.operation(
    "PATCH",
    "/customers/<customer_id>",
    body=ChangedCustomer,
    shows=CustomerSchema,
    tags=Tags(if_match=True),
    refuses=(404, 412, 428),
)
def change_customer(ask: Ask, customer_id: str) -> Reply:
    """Change a customer. Invoices that were sent keep what they said."""
    version = require_match(customers.get(ask.session, customer_id).version)
    return _shown(
        customers.change(ask.session, customer_id, expected_version=version, **ask.values)
    )


@blueprint.operation(
    "POST",
    "/customers/<customer_id>/archive",
    shows=CustomerSchema,
    key=KeyPolicy.OPTIONAL,
    refuses=(400, 404, 409),
)
def archive_customer(ask: Ask, customer_id: str) -> Reply:
    """Take no new invoices for this customer; open ones stay payable."""
    return _shown(customers.archive(ask.session, customer_id, now=ask.now))


def _shown(customer: Customer, *, is_new: bool = False) -> Reply:
    location = f"/api/v1/customers/{customer.id}" if is_new else None
    return Reply(customer, location=location, version=customer.version)
