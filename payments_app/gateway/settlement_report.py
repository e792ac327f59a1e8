"""What the gateway says it moved, line by line, as an accountant receives it.

A port of its own, because it is not part of charging: Stripe has it as balance transactions, the
simulator as ``/_sim/export``. Fetched while no transaction is open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import requests

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 120.0  # a year of lines is some 100 MB
HTTP_OK = 200


class ReportUnavailable(Exception):
    """The gateway's report could not be read. The message says where we looked and what to do."""


@dataclass(frozen=True, slots=True)
class Line:
    """One movement. ``payment`` and ``refund`` are ours by the metadata; None where it has none.

    ``amount_minor`` is positive in both directions; ``net_minor`` is what it adds to the payout.
    """

    id: str
    intent: str | None
    payment: str | None
    refund: str | None
    amount_minor: int
    net_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Report:
    charges: tuple[Line, ...]
    refunds: tuple[Line, ...]
    disputes: tuple[Line, ...] = ()


class SettlementReports(Protocol):
    """The port."""

    def fetch(self) -> Report:
        """All movements so far. Raises ReportUnavailable."""
        ...


class SimulatorReports:
    """The simulator's export."""

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url.rstrip('/')}/_sim/export"

    def fetch(self) -> Report:
        try:
            with requests.Session() as http:
                http.trust_env = False
                answer = http.get(self._url, timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S))
                told = answer.json() if answer.status_code == HTTP_OK else None
        except requests.RequestException as error:
            raise ReportUnavailable(
                f"The gateway's export at {self._url} cannot be reached ({type(error).__name__})."
                " Start the gateway, or set GATEWAY_URL to where it listens."
            ) from error
        if not isinstance(told, dict):
            raise ReportUnavailable(f"{self._url} answered {answer.status_code}, not an export.")
        return Report(
            charges=tuple(_line(each) for each in told["charges"]),
            refunds=tuple(_line(each) for each in told["refunds"]),
            disputes=tuple(_line(each) for each in told.get("disputes", ())),
        )


def _line(told: Mapping[str, Any]) -> Line:
    return Line(
        id=str(told["id"]),
        intent=told.get("intent"),
        payment=told.get("payment"),
        refund=told.get("refund"),
        amount_minor=int(told["amount_minor"]),
        net_minor=int(told["net_minor"]),
        currency=str(told["currency"]).upper(),
    )
