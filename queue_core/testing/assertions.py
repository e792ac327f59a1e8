"""Looks at stored jobs: subset match on arguments and meta, times with a tolerance, and a wait
when asked for one.
"""

import time
from datetime import datetime
from threading import Event
from typing import Any

import sqlalchemy

from queue_core import control
from queue_core.args import JobArgs
from queue_core.lease import Target
from queue_core.lifecycle import UNFINISHED
from queue_core.store import DEFAULT_SCHEMA, Row

LISTED_MAX = 1000


def all_enqueued(
    target: Target,
    kind: str | type[JobArgs] | None = None,
    *,
    args: dict[str, Any] | None = None,
    meta: dict[str, Any] | None = None,
    queue: str | None = None,
    tags: tuple[str, ...] = (),
    scheduled_at: datetime | None = None,
    delta_s: float = 1.0,
    schema: str = DEFAULT_SCHEMA,
) -> list[Row]:
    """Unfinished jobs that match, newest first."""
    name = kind.__job__.kind if isinstance(kind, type) else kind
    which = control.Filter(states=tuple(UNFINISHED), queue=queue, kind=name, args=args)
    return [
        job
        for job in control.list_jobs(target, which, limit=LISTED_MAX, schema=schema)
        if _includes(job["meta"], meta or {})
        and set(tags) <= set(job["tags"])
        and (
            scheduled_at is None
            or abs((job["scheduled_at"] - scheduled_at).total_seconds()) <= delta_s
        )
    ]


def assert_enqueued(
    target: Target | sqlalchemy.Engine,
    kind: str | type[JobArgs] | None = None,
    *,
    wait_s: float = 0.0,
    **wanted: Any,
) -> Row:
    """The newest matching job; fails with what is there instead. Waiting needs an engine: each
    look is a new snapshot.
    """
    until = time.monotonic() + wait_s
    while not (found := _look(target, kind, wanted)):
        if time.monotonic() >= until:
            there = [
                (job["kind"], job["queue"], job["args"])
                for job in _look(target, None, _only_schema(wanted))
            ]
            raise AssertionError(f"no job {_text(kind, wanted)} is enqueued; there are: {there}")
        Event().wait(0.01)
    return found[0]


def refute_enqueued(
    target: Target | sqlalchemy.Engine,
    kind: str | type[JobArgs] | None = None,
    *,
    wait_s: float = 0.0,
    **wanted: Any,
) -> None:
    """Fails when a matching job is there, or appears within `wait_s`."""
    until = time.monotonic() + wait_s
    while True:
        if found := _look(target, kind, wanted):
            raise AssertionError(f"job {_text(kind, wanted)} is enqueued: id {found[0]['id']}")
        if time.monotonic() >= until:
            return
        Event().wait(0.01)


def _look(
    target: Target | sqlalchemy.Engine, kind: str | type[JobArgs] | None, wanted: dict[str, Any]
) -> list[Row]:
    if isinstance(target, sqlalchemy.Engine):
        with target.connect() as connection:
            return all_enqueued(connection, kind, **wanted)
    return all_enqueued(target, kind, **wanted)


def _only_schema(wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if name == "schema"}


def _text(kind: str | type[JobArgs] | None, wanted: dict[str, Any]) -> str:
    name = kind.__name__ if isinstance(kind, type) else kind or "of any kind"
    return f"{name} with {wanted}" if wanted else name


def _includes(whole: dict[str, Any], part: dict[str, Any]) -> bool:
    return all(name in whole and whole[name] == value for name, value in part.items())
