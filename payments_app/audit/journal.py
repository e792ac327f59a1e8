"""The gateway's own word on what happened to the money, as values.

``/_sim/journal`` is the ground truth: one line per capture and refund. ``/_sim/export`` is what an
accountant receives; a gateway without it is read by its journal alone. No transaction is open
while they are fetched, and everything is indexed once, so that 100,000 lines cost one pass.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import requests

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 120.0  # a journal of a year is some 100 MB
HTTP_OK, HTTP_NOT_FOUND = 200, 404
# A dispute is made at the gateway without us. Its webhook tells of it in seconds; if that is lost,
# the night's reconciliation does. Only one that is older than a day and an hour was missed.
HEARD_WITHIN = timedelta(hours=25)


class JournalUnavailable(Exception):
    """The gateway's journal could not be read. The message says where we looked and what to do."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that the gateway moved: out of a card (capture) or back (refund).

    ``payment`` and ``refund`` are ours by the metadata; None where it says nothing. ``id`` is the
    refund's own at the gateway: a refund made there by hand names none of ours.
    """

    intent: str | None
    payment: str | None
    refund: str | None
    amount_minor: int
    currency: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Journal:
    """``net_minor``: captures less refunds per (payment or intent), as the export tells them.

    ``news``: disputes among the exported that may not have reached us yet.
    """

    captures: tuple[Movement, ...]
    refunds: tuple[Movement, ...]
    exported: tuple[tuple[Movement, int], ...] | None = None
    news: tuple[tuple[Movement, int], ...] = ()


def fetch(gateway_url: str) -> Journal:
    """Read journal and export. Raises JournalUnavailable."""
    told = _get(f"{gateway_url}/_sim/journal")
    if told is None:
        raise JournalUnavailable(
            f"{gateway_url} has no journal at /_sim/journal. GATEWAY_URL should name the gateway"
            " simulator; `flask run-gateway` starts one."
        )
    return parse(told, _get(f"{gateway_url}/_sim/export"))


def parse(told: Mapping[str, Any], export: Mapping[str, Any] | None = None) -> Journal:
    exported, news = None, _nets(())
    if export is not None:
        disputes = export.get("disputes", ())
        exported = _nets((*export["charges"], *export["refunds"], *disputes))
        news = _nets(line for line in disputes if _is_news(line, export.get("as_of")))
    return Journal(
        captures=tuple(_movement(line) for line in told["captures"]),
        refunds=tuple(_movement(line) for line in told["refunds"]),
        exported=exported,
        news=news,
    )


class ByPayment:
    """Movements by payment: by their metadata, else by the intent that the payment owns."""

    def __init__(self, movements: Iterable[Movement], owners: Mapping[str, str]) -> None:
        self._found: dict[str, list[Movement]] = defaultdict(list)
        for movement in movements:
            owner = movement.payment or owners.get(movement.intent or "")
            if owner is not None:
                self._found[owner].append(movement)

    def of(self, payment_id: str) -> list[Movement]:
        return self._found.get(payment_id, [])


def _nets(lines: Iterable[Mapping[str, Any]]) -> tuple[tuple[Movement, int], ...]:
    return tuple((_movement(line), int(line["net_minor"])) for line in lines)


def _is_news(dispute: Mapping[str, Any], as_of: str | None) -> bool:
    """By the gateway's own clock; without its time nothing is news."""
    if as_of is None:
        return False
    return datetime.fromisoformat(as_of) - datetime.fromisoformat(dispute["at"]) < HEARD_WITHIN


def _movement(line: Mapping[str, Any]) -> Movement:
    return Movement(
        intent=line.get("intent"),
        payment=line.get("payment"),
        refund=line.get("refund"),
        amount_minor=int(line["amount_minor"]),
        currency=str(line["currency"]).upper(),
        id=line.get("id"),
    )


def _get(url: str) -> dict[str, Any] | None:
    try:
        answer = requests.get(url, timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S))
        if answer.status_code == HTTP_NOT_FOUND:
            return None
        if answer.status_code != HTTP_OK:
            raise JournalUnavailable(f"{url} answered {answer.status_code}.")
        body = answer.json()
    except requests.RequestException as error:
        raise JournalUnavailable(
            f"the gateway's journal at {url} cannot be reached ({type(error).__name__}). Start the"
            " gateway with `flask run-gateway`, or set GATEWAY_URL to where it listens."
        ) from error
    if not isinstance(body, dict):
        raise JournalUnavailable(f"{url} did not answer with a JSON object.")
    return body
