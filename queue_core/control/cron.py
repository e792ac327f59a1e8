"""Operators' verbs on periodic jobs: list, history, pause, resume, run now, add, remove.

An entry that the code declares comes back at the next election when it is removed: pause it, or
remove it from the code first. One that was added here lives in its table alone.
"""

import json
from datetime import datetime

from queue_core import wakeup
from queue_core.batch import Inserted
from queue_core.crontab import Cron, check_expression, job_of, next_time
from queue_core.errors import InvalidJob
from queue_core.lease import Target, connection_of
from queue_core.lifecycle import clean
from queue_core.store import DEFAULT_SCHEMA, Row, Store
from queue_core.writing import write_jobs


def list_cron(target: Target, *, schema: str = DEFAULT_SCHEMA) -> list[Row]:
    """Every entry, with the time when it fires `next_at`; None while it is paused."""
    rows = Store(connection_of(target), schema).list_cron_entries(names=None)
    for row in rows:
        row["next_at"] = None if row["paused_at"] else _next_at(row)
    return rows


def _next_at(row: Row) -> datetime | None:
    try:
        check_expression(row["name"], row["expression"], row["timezone"])
    except InvalidJob:
        return None  # Written by hand: the leader says what is wrong with it, every second.
    return next_time(row["expression"], row["timezone"], row["now"])


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
        raise _unknown(store, name)
    _note(store, actor, "pause_cron", {"cron": name, "paused": paused})


def run_cron(
    target: Target, name: str, *, actor: str = "code", schema: str = DEFAULT_SCHEMA
) -> Inserted:
    """Stores the entry's job now, paused or not; its own times are fired as ever."""
    store = Store(connection_of(target), schema)
    rows = store.list_cron_entries(names=[name])
    if not rows:
        raise _unknown(store, name)
    new = job_of(rows[0], rows[0]["now"])
    inserted = write_jobs(store, [new])[0]
    store.record_cron_run(name=name, minute=rows[0]["now"], job_id=inserted.id)
    _note(store, actor, "run_cron", {"cron": name, "id": inserted.id})
    wakeup.after_commit(target, schema, {new.queue})
    return inserted


def add_cron(
    target: Target, entry: Cron, *, actor: str = "code", schema: str = DEFAULT_SCHEMA
) -> None:
    """Writes a periodic job that no code declares, or changes one that was added before."""
    store = Store(connection_of(target), schema)
    if any(not row["dynamic"] for row in store.list_cron_entries(names=[entry.name])):
        raise InvalidJob(f"cron {entry.name!r} is declared by code: change it there, or pause it")
    store.write_cron_entry(**entry.values(), dynamic=True)
    _note(store, actor, "add_cron", {"cron": entry.name, "expression": entry.expression})


def remove_cron(
    target: Target, name: str, *, actor: str = "code", schema: str = DEFAULT_SCHEMA
) -> None:
    """Ends a periodic job; what it has fired stays in its history."""
    store = Store(connection_of(target), schema)
    if not store.remove_cron_entry(name=name):
        raise _unknown(store, name)
    _note(store, actor, "remove_cron", {"cron": name})


def _unknown(store: Store, name: str) -> InvalidJob:
    known = ", ".join(row["name"] for row in store.list_cron_entries(names=None))
    return InvalidJob(f"cron {name!r} is unknown; known are {known or 'none'}")


def _note(store: Store, actor: str, action: str, subject: dict[str, object]) -> None:
    store.note_operator(actor=clean(actor), action=action, subject=json.dumps(subject), affected=1)
