"""A shop that uses the API, as the demonstrations play it."""

import argparse
import os
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import requests

from demos.ground import http_session

AMOUNT_MINOR = 12_000
END_TIMEOUT_S = 60.0
ACCEPTED, CONFLICT = 202, 409
FINAL = {"completed", "failed", "cancelled"}


class Client:
    """A running application: its API with a key, and its gateway's journal."""

    def __init__(self, url: str, api_key: str, gateway_url: str) -> None:
        self.url, self.gateway_url = url.rstrip("/"), gateway_url.rstrip("/")
        self._http = http_session()
        self._http.headers["Authorization"] = f"Bearer {api_key}"

    def post(self, path: str, body: dict[str, Any], *, key: str | None = None) -> requests.Response:
        headers = {"Idempotency-Key": key} if key else {}
        return self._http.post(f"{self.url}/api/v1{path}", json=body, headers=headers, timeout=30)

    def get(self, path: str) -> dict[str, Any]:
        answer = self._http.get(f"{self.url}/api/v1{path}", timeout=30)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def journal(self) -> dict[str, Any]:
        """What really happened to the money."""
        answer = self._http.get(f"{self.gateway_url}/_sim/journal", timeout=30)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def captures(self, payment_ids: set[str]) -> int:
        return sum(line["payment"] in payment_ids for line in self.journal()["captures"])

    def open_invoice(self) -> str:
        """The id of a new invoice of 120 dollars that waits to be paid."""
        customer = self.post("/customers", {"name": "Ada Ltd", "email": "ada@example.com"})
        customer.raise_for_status()
        line = {
            "description": "Work",
            "quantity": "1",
            "unit_amount_minor": AMOUNT_MINOR,
            "tax_rate": "0",
        }
        draft = self.post(
            "/invoices",
            {"customer_id": customer.json()["id"], "currency": "USD", "lines": [line]},
        )
        draft.raise_for_status()
        invoice_id: str = draft.json()["id"]
        self.post(f"/invoices/{invoice_id}/finalize", {}).raise_for_status()
        wait(lambda: self.get(f"/invoices/{invoice_id}")["status"] == "open", "the open invoice")
        return invoice_id

    def pay(self, invoice_id: str) -> str:
        """One payment, asked for once; its id."""
        answer = self._ask(invoice_id, f"demo-{uuid.uuid4().hex}")
        answer.raise_for_status()
        payment_id: str = answer.json()["id"]
        return payment_id

    def pay_at_once(
        self, invoice_id: str, times: int, then: Callable[[str], None]
    ) -> list[requests.Response]:
        """The same request and key from many threads; ``then`` follows each acceptance."""
        key = f"demo-{uuid.uuid4().hex}"
        line_up = Barrier(times)

        def post(_number: int) -> requests.Response:
            line_up.wait()
            answer = self._ask(invoice_id, key)
            if answer.status_code == ACCEPTED:
                then(answer.json()["id"])
            return answer

        with ThreadPoolExecutor(times) as threads:
            return list(threads.map(post, range(times)))

    def statuses_until_the_end(self, payment_id: str) -> list[str]:
        """Every status that the payment was seen in, in order."""
        seen: list[str] = []

        def is_final() -> bool:
            status = self.get(f"/payments/{payment_id}")["status"]
            if status not in seen[-1:]:
                seen.append(status)
            return status in FINAL

        wait(is_final, "the payment's end")
        return seen

    def _ask(self, invoice_id: str, key: str) -> requests.Response:
        while True:
            answer = self.post(
                f"/invoices/{invoice_id}/payments", {"payment_method": "pm_card_visa"}, key=key
            )
            # "The same request is being carried out": a good client waits and asks again.
            if answer.status_code != CONFLICT or "Retry-After" not in answer.headers:
                return answer
            time.sleep(0.1)


def wait(fact: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + END_TIMEOUT_S
    while not fact():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what} did not come within {END_TIMEOUT_S:g} s")
        time.sleep(0.02)


def arguments(description: str, *, running: bool = False) -> argparse.Namespace:
    """``--json`` for programs; where it makes sense, an application that runs already."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")
    if running:
        parser.add_argument("--url", help="use the application that runs here")
        parser.add_argument(
            "--api-key", default=os.environ.get("API_KEY"), help="for --url [API_KEY]"
        )
        parser.add_argument("--gateway-url", default="http://127.0.0.1:8010", help="for --url")
    return parser.parse_args()
