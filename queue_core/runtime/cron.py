"""Fires periodic jobs. Leader's work.

The job and the row (name, minute) in cron_runs are written in one transaction, and that row's key
is unique: two leaders cannot fire one minute twice, and a leader that dies in between has fired
nothing. Entries live in a table: what operators pause or add holds over restarts. Missed times are
caught up as each entry says.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import psycopg

from queue_core import telemetry, wakeup
from queue_core.args import JobOptions, PlainArgs, to_json
from queue_core.crontab import REBOOT, Cron, due_times
from queue_core.errors import QueueError
from queue_core.newjob import NewJob, prepare
from queue_core.store import Row, Store


class CronTicker:
    """One per leader: writes the declared entries at its election, then looks every second."""

    def __init__(self, entries: Iterable[Cron]) -> None:
        self._entries = list(entries)
        self._names = [entry.name for entry in self._entries]
        self._is_declared = False

    def tick(self, store: Store) -> None:
        if not self._is_declared:
            self._declare(store)
        for row in store.list_cron_entries(names=None):
            if row["paused_at"] is None:
                self._fire_due(store, row)

    def _declare(self, store: Store) -> None:
        for entry in self._entries:
            store.write_cron_entry(**entry.values())
            if entry.expression == REBOOT:
                # Once per start of the leader's node: the minute is the moment.
                row = store.list_cron_entries(names=[entry.name])[0]
                self._fire(store, row, row["now"].replace(microsecond=0))
        self._is_declared = True

    def _fire_due(self, store: Store, row: Row) -> None:
        times = due_times(
            row["expression"],
            row["timezone"],
            row["catch_up"],
            since=row["checked_until"],
            until=row["now"],
        )
        for at in times:
            self._fire(store, row, at)
        store.advance_cron(name=row["name"], until=row["now"])

    def _fire(self, store: Store, row: Row, at: datetime) -> None:
        try:
            fired = fire(store, row, at)
        except (QueueError, psycopg.errors.IntegrityError, psycopg.errors.DataError) as error:
            # One wrong entry must not keep the others from firing.
            telemetry.emit("cron.failed", name=row["name"], error=str(error))
            return
        if fired is not None:
            telemetry.emit("cron.inserted", name=row["name"], minute=at.isoformat(), job=fired)


def fire(store: Store, row: Row, at: datetime) -> int | None:
    """Stores the job of one time of one entry; None when somebody did before, or its unique twin
    is unfinished.
    """
    assert isinstance(store.connection, psycopg.Connection)
    options = dict(row["options"])
    new = prepare(PlainArgs(JobOptions(kind=row["kind"]), row["args"]), **options)
    minute = at.astimezone(UTC)
    with store.connection.transaction():
        job_id: int = store.allocate_ids(count=1)[0]["id"]
        if not store.record_cron_run(name=row["name"], minute=minute, job_id=job_id):
            return None
        store.insert_jobs(**_one(new, job_id, {"cron": row["name"], "cron_at": minute.isoformat()}))
    store.notify(channel=wakeup.channel(store.schema), payload=new.queue)
    return job_id


def _one(new: NewJob, job_id: int, meta: dict[str, Any]) -> dict[str, Any]:
    return {
        "ids": [job_id],
        "queues": [new.queue],
        "kinds": [new.kind],
        "priorities": [new.priority],
        "max_attempts": [new.max_attempts],
        "scheduled_ats": [None],
        "delays_s": [None],
        "suspended": [False],
        "unique_keys": [None],
        "unique_states": [None],
        "tags": [new.tags],
        "args": [new.args],
        "metas": [to_json(meta)],
    }
