"""Daily partitions of the history: made a week ahead, dropped when their retention is over.
Leader's work.

A settle must never wait for this. ATTACH and DROP want strong locks, and whoever waits for one
blocks everybody behind it: so both give up after 100 ms (a report that reads for a minute may
stand in the way) and are tried again later. A day without its partition goes to the DEFAULT one;
doctor raises the alarm.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg
from psycopg import sql

from queue_core import telemetry
from queue_core.store import Store

DAYS_AHEAD = 7
PARENTS = ("job_history", "job_attempts")
LOCK_TIMEOUT_MS = 100


def make_ahead(store: Store) -> None:
    for parent in PARENTS:
        for day in range(DAYS_AHEAD + 1):
            made = _briefly(
                store,
                partial(store.make_partition, parent=parent, days_ahead=day),
            )
            if made and made[0]["made"]:
                telemetry.emit("history.made", parent=parent, days_ahead=day)


def drop_old(store: Store, *, keep_days: int) -> None:
    for row in store.list_partitions():
        if row["age_days"] > keep_days:
            name = sql.Identifier(store.schema, row["name"])
            statement = sql.SQL("DROP TABLE IF EXISTS {}").format(name)
            if _briefly(store, partial(store.connection.execute, statement)):
                telemetry.emit("history.dropped", name=row["name"])


def _briefly(store: Store, work: Callable[[], Any]) -> Any:
    """In a transaction of its own, with a lock timeout that ends with it; None when locked out."""
    assert isinstance(store.connection, psycopg.Connection)
    try:
        with store.connection.transaction():
            store.connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
            return work()
    except (psycopg.errors.LockNotAvailable, psycopg.errors.CheckViolation) as error:
        # Locked by a reader, or rows of that day lie in the DEFAULT partition already: the net
        # works meanwhile.
        telemetry.emit("history.unready", error=str(error).strip())
        return None
