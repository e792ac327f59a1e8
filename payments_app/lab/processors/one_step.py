"""A charge in one request, and its answer as most code writes it: it worked, or it did not.

That is the mistake, kept on purpose: ``Failed`` holds a refused request and a lost answer alike, so
whoever reads it cannot tell "no money moved" from "nobody knows".
"""

from dataclasses import dataclass

import requests

CONNECT_TIMEOUT_S = 2.0
HTTP_OK = 200


@dataclass(frozen=True, slots=True)
class ChargeRequest:
    """What to take, from which card, for which payment of ours."""

    payment_id: str
    amount_minor: int
    currency: str
    payment_method: str


@dataclass(frozen=True, slots=True)
class Charged:
    charge_id: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Anything else. ``code``: the gateway's own, or ``timeout``, ``network``, ``http``."""

    code: str
    message: str

    @property
    def declined(self) -> bool:
        return self.code == "card_declined"


class OneStepGateway:
    """``POST /v1/charges`` of the simulator. Safe to share between threads."""

    def __init__(self, base_url: str, api_key: str, *, read_timeout_s: float = 20.0) -> None:
        self._charges_url = f"{base_url.rstrip('/')}/v1/charges"
        self._refunds_url = f"{base_url.rstrip('/')}/v1/refunds"
        self._api_key = api_key
        self._timeout = (CONNECT_TIMEOUT_S, read_timeout_s)

    def refund(self, charge_id: str, amount_minor: int, payment_id: str) -> Charged | Failed:
        """``POST /v1/refunds``, as whoever never thought of a second click writes it: no key."""
        form = {
            "charge": charge_id,
            "amount": str(amount_minor),
            "metadata[payment]": payment_id,
        }
        return self._post(self._refunds_url, form, key=None)

    def charge(self, wanted: ChargeRequest, *, key: str | None = None) -> Charged | Failed:
        form = {
            "amount": str(wanted.amount_minor),
            "currency": wanted.currency.lower(),
            "payment_method": wanted.payment_method,
            "metadata[payment]": wanted.payment_id,
        }
        return self._post(self._charges_url, form, key=key)

    def _post(self, url: str, form: dict[str, str], *, key: str | None) -> Charged | Failed:
        headers = {"Authorization": f"Bearer {self._api_key}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            with requests.Session() as http:
                http.trust_env = False
                answer = http.post(url, data=form, headers=headers, timeout=self._timeout)
                body = answer.json()
        except requests.Timeout:
            return Failed("timeout", "The gateway did not answer in time.")
        except requests.RequestException as error:
            return Failed("network", type(error).__name__)
        return _read(answer.status_code, body)


def _read(status: int, body: object) -> Charged | Failed:
    told = body if isinstance(body, dict) else {}
    if status == HTTP_OK and "id" in told:
        return Charged(str(told["id"]), int(told["amount"]))
    error = told.get("error")
    error = error if isinstance(error, dict) else {}
    return Failed(str(error.get("code") or "http"), str(error.get("message") or status))
