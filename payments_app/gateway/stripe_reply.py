"""One complete HTTP answer, as far as it can be read without knowing what was asked."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from payments_app.gateway.port import Unknown

# A gateway that asks for more than an hour is down, not busy: asking once an hour is soon enough.
RETRY_AFTER_MAX_S = 3600.0
# Enough of a strange body to recognise the proxy that wrote it.
BODY_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP answer. ``body`` is None when it is no JSON object."""

    status: int
    body: dict[str, Any] | None
    text: str
    replayed: bool
    retry_after_s: float | None
    server_time: float | None

    @classmethod
    def of(cls, status: int | None, text: str | None, headers: Mapping[str, str] | None) -> "Reply":
        named = {name.lower(): value for name, value in (headers or {}).items()}
        return cls(
            status=status or 0,
            body=_json_object(text or ""),
            text=text or "",
            replayed=named.get("idempotent-replayed", "").lower() == "true",
            retry_after_s=_seconds(named.get("retry-after")),
            server_time=_unix_time(named.get("date")),
        )

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def error(self) -> dict[str, Any] | None:
        found = (self.body or {}).get("error")
        return found if isinstance(found, dict) else None

    def not_understood(self) -> Unknown:
        # repr() writes control characters as escapes, so the reason can be stored and shown.
        shown = self.text[:BODY_SHOWN_MAX]
        return Unknown(f"HTTP {self.status} that is no answer of a gateway: {shown!a}")


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _seconds(text: str | None) -> float | None:
    # Only the form in seconds: the date form would need a clock, and the default serves as well.
    if text is None or not text.strip().isdecimal():
        return None
    return min(float(text), RETRY_AFTER_MAX_S)


def _unix_time(text: str | None) -> float | None:
    try:
        return parsedate_to_datetime(text or "").timestamp()
    except ValueError:
        return None
