"""A small client: JSON in, JSON out, a fresh key for every request that needs one."""

import uuid
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

V1 = "/api/v1"
CARD = "pm_card_visa"


def new_key() -> str:
    return str(uuid.uuid4())


class Api:
    """Requests to ``/api/v1`` with a bearer key; safe to use from several threads."""

    def __init__(self, app: Flask, bearer: str | None) -> None:
        self.app = app
        self.bearer = bearer

    def send(
        self, method: str, path: str, body: object = None, *, key: str | None = None, **options: Any
    ) -> TestResponse:
        headers = dict(options.pop("headers", {}))
        if self.bearer is not None:
            headers.setdefault("Authorization", f"Bearer {self.bearer}")
        if key is not None:
            headers["Idempotency-Key"] = key
        if body is not None:
            options["json"] = body
        return self.app.test_client().open(V1 + path, method=method, headers=headers, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.send("GET", path, **options)

    def post(self, path: str, body: object = None, **options: Any) -> TestResponse:
        return self.send("POST", path, body, **options)

    def patch(self, path: str, body: object, **options: Any) -> TestResponse:
        return self.send("PATCH", path, body, **options)

    def pay(self, invoice: dict[str, Any], *, key: str | None = None, **body: Any) -> TestResponse:
        asked = {"payment_method": CARD, **body}
        return self.post(f"/invoices/{invoice['id']}/payments", asked, key=key or new_key())

    def refund(
        self, payment: dict[str, Any], amount_minor: Any, *, key: str | None = None, **body: Any
    ) -> TestResponse:
        asked = {"amount_minor": amount_minor, "reason": "returned", **body}
        return self.post(f"/payments/{payment['id']}/refunds", asked, key=key or new_key())

    @staticmethod
    def an_invoice(customer: dict[str, Any], **changes: Any) -> dict[str, Any]:
        line = {
            "description": "Consulting",
            "quantity": "2",
            "unit_amount_minor": 5000,
            "tax_rate": "19",
        }
        return {"customer_id": customer["id"], "currency": "EUR", "lines": [line], **changes}


def refusal(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The problem, after checking that it is one, complete and with this status and code."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    problem: dict[str, Any] = response.json
    assert problem["code"] == code
    assert problem["status"] == status
    assert problem["detail"]
    assert problem["request_id"]
    return problem


def fields(problem: dict[str, Any]) -> list[str]:
    return [error["field"] for error in problem["errors"]]
