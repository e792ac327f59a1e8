"""Which jobs are twins: keys and windows of unique jobs. Pure.

A key is a hash over the chosen fields. While a twin is unfinished the key sits on its hot row,
under a partial unique index; windows in time and finished states need the side table
`unique_keys`. Both kinds of key differ in their hash, because they are looked for in different
places.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from queue_core.errors import InvalidJob

INCOMPLETE = ("available", "scheduled", "executing", "retryable", "suspended")
STATE_GROUPS: dict[str, tuple[str, ...]] = {
    "incomplete": INCOMPLETE,
    "scheduled": ("scheduled",),
    "successful": (*INCOMPLETE, "completed"),
    "all": (*INCOMPLETE, "completed", "cancelled", "discarded"),
}
PERIOD_MAX_S = 10 * 365 * 86_400.0
FIELDS = ("kind", "queue", "args", "meta")


@dataclass(frozen=True, slots=True)
class Unique:
    """At most one job with these fields in these states, within `period` seconds when that is
    given.

    The stored job's states decide, from its insert until it first leaves them: a job that comes
    back (a retry, a rescue) takes no key again, so that only an insert can ever conflict. States
    that outlive the job ("successful", "all") hold as long as history keeps it, or for `period`.
    """

    keys: tuple[str, ...] | None = None
    period: float | timedelta | None = None
    states: str | tuple[str, ...] = "incomplete"
    fields: tuple[str, ...] = ("kind", "queue", "args")
    timestamp: Literal["inserted_at", "scheduled_at"] = "inserted_at"

    def __post_init__(self) -> None:
        for name in ("states", "fields"):
            given = getattr(self, name)
            if not (name == "states" and isinstance(given, str)) and (
                not isinstance(given, tuple | list | set | frozenset) or not given
            ):
                raise InvalidJob(f"unique: {name} must be a tuple of names, not {given!r}")
        if unknown := set(self.fields) - set(FIELDS):
            raise InvalidJob(f"unique: fields {sorted(unknown)} are unknown; use some of {FIELDS}")
        if unknown := set(self.state_names) - set(STATE_GROUPS["all"]):
            raise InvalidJob(
                f"unique: states {sorted(unknown)} are unknown; use {tuple(STATE_GROUPS)}"
            )
        if not {"available", "scheduled"} & set(self.state_names):
            raise InvalidJob(
                "unique: states must have 'available' or 'scheduled' among them, where a job "
                "begins; for one at a time use a queue with {'global_limit': 1, 'by': '…'}"
            )
        self._check_shapes()
        if self.timestamp not in {"inserted_at", "scheduled_at"}:
            raise InvalidJob("unique: timestamp must be 'inserted_at' or 'scheduled_at'")

    def _check_shapes(self) -> None:
        """As given by people: a text is a sequence of letters, and infinity no interval."""
        keys: object = self.keys
        if keys is not None and not isinstance(keys, tuple | list):
            raise InvalidJob(f"unique: keys must be a tuple of names like ('id',), not {keys!r}")
        period: object = self.period_s
        if period is not None and (
            isinstance(period, bool)
            or not isinstance(period, int | float)
            or not 0 < period <= PERIOD_MAX_S
        ):
            raise InvalidJob(
                f"unique: period must be more than 0 seconds, at most ten years, not {period!r}"
            )

    @property
    def state_names(self) -> tuple[str, ...]:
        if isinstance(self.states, str):
            return STATE_GROUPS.get(self.states, (self.states,))
        return tuple(self.states)

    @property
    def period_s(self) -> float | None:
        period = self.period
        return period.total_seconds() if isinstance(period, timedelta) else period

    @property
    def is_windowed(self) -> bool:
        """Whether the key must outlive the hot row."""
        return self.period is not None or not set(self.state_names) <= set(INCOMPLETE)


def unique_key(
    unique: Unique, *, kind: str, queue: str, args: Mapping[str, Any], meta: Mapping[str, Any]
) -> bytes:
    parts: dict[str, Any] = {"windowed": unique.is_windowed}
    values: dict[str, Any] = {"kind": kind, "queue": queue, "args": args, "meta": meta}
    for field in unique.fields:
        value = values[field]
        if field == "args" and unique.keys is not None:
            if missing := [key for key in unique.keys if key not in args]:
                raise InvalidJob(f"unique: keys {missing} are no arguments of {kind}")
            value = {key: args[key] for key in unique.keys}
        parts[field] = value
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]
