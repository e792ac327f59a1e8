"""The OpenAPI 3.1 document at ``/api/v1/openapi.json``, made from the operations themselves.

Errors are documented as what they are, ``application/problem+json``; the library's own handler for
errors is not installed, since ours also keep the headers (a 405 its Allow).
"""

import http
from typing import Any

import flask_smorest
from flask import Flask
from flask_smorest.spec import prepare_response

from payments_app.api.problems import MEDIA_TYPE
from payments_app.api.schema import ProblemSchema

DESCRIPTION = """\
Invoices and payments that are captured once.

Amounts are integers of minor units. Cards carry two decimals: where a currency has three, a total
and what is paid or refunded end in 0. Requests that move money need an `Idempotency-Key`; a payment
and a refund are accepted with 202 and carried out by workers: read them until they have ended.
"""


class Api(flask_smorest.Api):  # type: ignore[misc]  # the library has no types
    """flask-smorest's collector of operations, with our form of errors."""

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        """Nothing: payments_app.api.errors answers."""

    def _register_responses(self) -> None:
        described = {status.name: status.phrase for status in http.HTTPStatus}
        described[self.DEFAULT_ERROR_RESPONSE_NAME] = "Any other refusal"
        for name, phrase in described.items():
            response: dict[str, Any] = {"description": phrase, "schema": ProblemSchema}
            prepare_response(response, self.spec, MEDIA_TYPE)
            self.spec.components.response(name, response, lazy=True)


def build(app: Flask) -> Api:
    """The collector, serving its document under ``/api/v1``."""
    app.config["OPENAPI_URL_PREFIX"] = "/api/v1"
    api = Api(
        app,
        spec_kwargs={
            "title": "Payments",
            "version": "1",
            "openapi_version": "3.1.0",
            "info": {"description": DESCRIPTION},
            "security": [{"bearer": []}],
        },
    )
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    return api
