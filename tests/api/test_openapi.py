"""The OpenAPI document says what the API does, for machines and without a key."""

import pytest
from jsonschema_rs import meta

from tests.api.support import V1, Api

METHODS = {"get", "post", "patch", "put", "delete"}


@pytest.fixture
def document(app):
    answer = app.test_client().get(f"{V1}/openapi.json")
    assert answer.content_type == "application/json"
    return answer.json


def operations(document):
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            yield path, method, item[method]


def test_it_is_openapi_3_1_and_every_schema_is_one(document):
    assert document["openapi"] == "3.1.0"
    for schema in document["components"]["schemas"].values():
        meta.validate(schema)


def test_every_route_of_the_api_is_in_it(app, document):
    routes = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(V1) and not rule.rule.endswith("openapi.json")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert {(path, method) for path, method, _ in operations(document)} == routes


def test_every_refusal_is_documented_as_problem_details(document):
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if status == "default" or int(status) >= 400:
                name = response["$ref"].rpartition("/")[2]
                content = document["components"]["responses"][name]["content"]
                assert list(content) == ["application/problem+json"], (path, method, status)


def test_every_operation_needs_a_key_and_has_a_name_and_a_summary(document):
    names = [operation["operationId"] for _, _, operation in operations(document)]

    assert document["security"] == [{"bearer": []}]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for _, _, operation in operations(document))


def test_money_requests_require_the_idempotency_key(document):
    required = {
        path
        for path, _, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if parameter.get("name") == "Idempotency-Key" and parameter["required"]
    }

    assert required == {
        f"{V1}/invoices/{{invoice_id}}/apply-credit",
        f"{V1}/invoices/{{invoice_id}}/payments",
        f"{V1}/payments/{{payment_id}}/refunds",
    }


def test_decimals_are_documented_as_strings_or_integers_and_amounts_as_integers(document):
    line = document["components"]["schemas"]["LineAsked"]

    assert line["properties"]["quantity"]["type"] == ["string", "integer"]
    assert line["properties"]["unit_amount_minor"]["type"] == "integer"
    assert line["additionalProperties"] is False


def test_it_needs_no_key(app):
    assert Api(app, None).get("/openapi.json").status_code == 200
