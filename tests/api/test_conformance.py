"""What the document promises holds for requests that nobody thought of.

schemathesis makes requests from the document, valid and broken ones. For each answer: no 5xx, a
status, a media type and a body that the document knows. The run is seeded and bounded.
"""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api import worlds
from tests.api.support import V1, Api, new_key
from tests.support import databases

EXAMPLES_PER_OPERATION = 6
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
BOUNDED = settings(
    max_examples=EXAMPLES_PER_OPERATION,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def world(admin_url, app_template):
    with (
        databases.database(admin_url, template=app_template) as url,
        worlds.app_on(url) as app,
    ):
        sessions = app.extensions["database"].sessions
        api = Api(app, worlds.new_bearer(sessions))
        yield api, _existing(api, worlds.changer(sessions))


def _existing(api: Api, change: worlds.Change) -> dict[str, str]:
    """Something for every id in an address, so that requests get further than 404."""
    customer = worlds.a_customer(api)
    paid = worlds.an_open_invoice(api, worlds.a_draft(api, customer), change)
    payment = worlds.complete(api.pay(paid).json, change)
    return {
        "customer_id": customer["id"],
        "invoice_id": worlds.a_draft(api, customer)["id"],
        "payment_id": payment["id"],
        "refund_id": api.refund(payment, 100).json["id"],
        "endpoint_id": api.post("/webhook-endpoints", {"url": "https://a.example"}).json["id"],
    }


@pytest.mark.parametrize("mode", MODES, ids=["right", "wrong"])
@pytest.mark.parametrize(
    "group", ["customers", "invoices", "payments", "refunds", "webhook_endpoints"]
)
def test_every_answer_is_one_that_the_document_knows(world, group, mode):
    api, existing = world
    schema = schemathesis.openapi.from_wsgi(f"{V1}/openapi.json", api.app)
    asked = 0

    for operation in schema.include(tag=f"api_{group}").get_all_operations():
        assert isinstance(operation, Ok)

        @BOUNDED
        @given(case=operation.ok().as_strategy(generation_mode=mode))
        def ask(case):
            nonlocal asked
            headers = {"Authorization": f"Bearer {api.bearer}"}
            if mode is GenerationMode.POSITIVE:
                case.path_parameters = {name: existing[name] for name in case.path_parameters or {}}
                if "Idempotency-Key" in (case.headers or {}):
                    headers["Idempotency-Key"] = new_key()
            case.validate_response(case.call(headers=headers), checks=CHECKS)
            asked += 1

        ask()

    assert asked >= EXAMPLES_PER_OPERATION
