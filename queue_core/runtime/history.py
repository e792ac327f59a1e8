"""Daily partitions of the history: made a week ahead, dropped when their retention is over.
Leader's work.

Each day has a partition per state, because a dead job is worth keeping longer than a completed
one: retention is a DROP, never a DELETE of millions of rows. A settle must never wait for this.
ATTACH and DROP want strong locks, and whoever waits for one blocks everybody behind it: so both
give up after 100 ms (a report that reads for a minute may stand in the way) and are tried again at
the next turn. A day without its partition goes to the DEFAULT one; doctor raises the alarm.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import psycopg
from psycopg import sql

from queue_core import telemetry
from queue_core.errors import InvalidJob
from queue_core.store import Row, Store

DAYS_AHEAD = 7
PARENTS = ("job_history", "job_attempts")
LOCK_TIMEOUT_MS = 100
# Rows per statement where rows must be deleted one by one, and statements per turn.
DELETE_BATCH = 5000
DELETE_ROUNDS_MAX = 20


@dataclass(frozen=True, slots=True)
class Retention:
    """Days that finished jobs are kept, by how they ended. Attempts are kept as long as the
    longest.
    """

    completed: int = 14
    cancelled: int = 14
    discarded: int = 30

    def __post_init__(self) -> None:
        for state, days in asdict(self).items():
            if type(days) is not int or days < 1:
                raise InvalidJob(f"history_days: {state} must be 1 day or more, not {days!r}")

    @classmethod
    def parse(cls, value: "int | Mapping[str, int] | Retention") -> "Retention":
        """One number for all states, or {state: days} over the defaults."""
        if isinstance(value, Retention):
            return value
        if not isinstance(value, Mapping):
            return cls(value, value, value)
        if unknown := sorted(set(value) - set(cls.__slots__)):
            raise InvalidJob(
                f"history_days: {unknown[0]!r} is unknown; use {', '.join(cls.__slots__)}"
            )
        return cls(**value)


def make_ahead(store: Store) -> None:
    for parent in PARENTS:
        for day in range(DAYS_AHEAD + 1):
            made = _briefly(
                store,
                partial(store.make_partition, parent=parent, days_ahead=day),
            )
            if made and made[0]["made"]:
                telemetry.emit("history.made", parent=parent, days_ahead=day)


def drop_old(store: Store, retention: Retention) -> None:
    locked: set[str] = set()
    for row in store.list_expired_partitions(**asdict(retention)):
        # One refusal per table and turn: each costs whoever settles there up to 100 ms.
        if row["parent"] in locked:
            continue
        name = sql.Identifier(store.schema, row["name"])
        statement = sql.SQL("DROP TABLE IF EXISTS {}").format(name)
        if _briefly(store, partial(store.connection.execute, statement)):
            telemetry.emit("history.dropped", name=row["name"])
        else:
            locked.add(row["parent"])
    _in_rounds(partial(store.forget_strays, **asdict(retention), limit=DELETE_BATCH))
    longest = max(asdict(retention).values())
    _in_rounds(partial(store.forget_cron_runs, days=longest, limit=DELETE_BATCH))


def _in_rounds(delete: Callable[[], list[Row]]) -> None:
    """A bounded number of bounded batches: a rest is for the next turn."""
    for _ in range(DELETE_ROUNDS_MAX):
        rows = delete()
        if sum(int(row.get("deleted", 1)) for row in rows) < DELETE_BATCH:
            break


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
