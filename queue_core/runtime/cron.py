"""Fires periodic jobs. Leader's work.

The job and the row (name, minute) in cron_runs are written in one transaction, and that row's key
is unique: two leaders cannot fire one minute twice, and a leader that dies in between has fired
nothing. Entries live in a table: what operators pause or add holds over restarts. Missed times are
caught up as each entry says.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import psycopg

from queue_core import telemetry, wakeup
from queue_core.batch import Inserted
from queue_core.crontab import REBOOT, Cron, check_expression, due_times, job_of
from queue_core.errors import QueueError
from queue_core.store import Row, Store
from queue_core.writing import write_jobs


class CronTicker:
    """One per leader: writes the declared entries at its election, then looks every second."""

    def __init__(self, entries: Iterable[Cron]) -> None:
        self._entries = list(entries)
        self._is_declared = False

    def tick(self, store: Store) -> None:
        if not self._is_declared:
            for entry in self._entries:
                store.write_cron_entry(**entry.values(), dynamic=False)
            self._is_declared = True
        for row in store.list_cron_entries(names=None):
            if row["paused_at"] is None:
                self._look(store, row)

    def _look(self, store: Store, row: Row) -> None:
        try:
            check_expression(row["name"], row["expression"], row["timezone"])
        except QueueError as error:
            # Written past this code, by hand or by a newer version. The others fire all the same.
            telemetry.emit("cron.failed", name=row["name"], error=str(error))
            return
        times, until = _due(store, row)
        for at in times:
            self._fire(store, row, at)
        store.advance_cron(name=row["name"], until=until)

    def _fire(self, store: Store, row: Row, at: datetime) -> None:
        try:
            fired = fire(store, row, at)
        except (QueueError, psycopg.errors.IntegrityError, psycopg.errors.DataError) as error:
            # One wrong entry must not keep the others from firing.
            telemetry.emit("cron.failed", name=row["name"], error=str(error))
            return
        if fired is not None:
            telemetry.emit("cron.inserted", name=row["name"], minute=at.isoformat(), job=fired.id)


def _due(store: Store, row: Row) -> tuple[list[datetime], datetime]:
    """What to fire now, and up to when the entry has then been looked at."""
    if row["expression"] == REBOOT:
        return _boot(store, row)
    times = due_times(
        row["expression"],
        row["timezone"],
        row["catch_up"],
        since=row["checked_until"],
        until=row["now"],
    )
    return times, row["now"]


def _boot(store: Store, row: Row) -> tuple[list[datetime], datetime]:
    """@reboot fires when no worker is alive that was there at the last look.

    A node that starts while an older one renews its leases joins the running cluster: the last
    look moves on to that renewal, never to now, so that the rows of a cluster that was killed,
    which live on until their lease has run out, delay a boot and cannot hide it.
    """
    found = store.find_cluster(since=row["checked_until"])[0]
    if found["renewed_at"] is not None:
        return [], found["renewed_at"]
    return [found["up_since"] or row["now"]], row["now"]


def fire(store: Store, row: Row, at: datetime) -> Inserted | None:
    """Stores the job of one time of one entry, or meets its unique twin; None when somebody did
    before.
    """
    assert isinstance(store.connection, psycopg.Connection)
    new = job_of(row, at)
    stored: list[Inserted] = []
    with store.connection.transaction():
        stored += write_jobs(store, [new])
        minute = at.astimezone(UTC)
        if not store.record_cron_run(name=row["name"], minute=minute, job_id=stored[0].id):
            stored.clear()
            raise psycopg.Rollback
    if not stored:
        return None
    if stored[0].state == "available":
        store.notify(channel=wakeup.channel(store.schema), payload=new.queue)
    return stored[0]
