"""Operators' verbs on periodic jobs: list, pause, resume, history."""

import json

from queue_core.errors import InvalidJob
from queue_core.lease import Target, connection_of
from queue_core.store import DEFAULT_SCHEMA, Row, Store


def list_cron(target: Target, *, schema: str = DEFAULT_SCHEMA) -> list[Row]:
    return Store(connection_of(target), schema).list_cron_entries(names=None)


def list_cron_runs(
    target: Target, name: str | None = None, *, limit: int = 50, schema: str = DEFAULT_SCHEMA
) -> list[Row]:
    """What was fired, newest first."""
    return Store(connection_of(target), schema).list_cron_runs(name=name, limit=limit)


def pause_cron(
    target: Target,
    name: str,
    *,
    paused: bool = True,
    actor: str = "code",
    schema: str = DEFAULT_SCHEMA,
) -> None:
    """Stops (or with paused=False resumes) a periodic job on every node."""
    store = Store(connection_of(target), schema)
    if not store.pause_cron(name=name, paused=paused):
        known = ", ".join(row["name"] for row in store.list_cron_entries(names=None))
        raise InvalidJob(f"cron {name!r} is unknown; known are {known or 'none'}")
    subject = json.dumps({"cron": name, "paused": paused})
    store.note_operator(actor=actor, action="pause_cron", subject=subject, affected=1)
