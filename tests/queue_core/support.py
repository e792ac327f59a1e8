"""Jobs, workers and low-level hands for the queue's tests."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import psycopg
import sqlalchemy
from sqlalchemy.orm import Session

from queue_core import (
    Cancel,
    Discard,
    Error,
    Job,
    JobArgs,
    Ok,
    Queue,
    RetryAfter,
    Snooze,
    Unique,
    Worker,
)
from queue_core.args import PlainArgs
from queue_core.lease import LeaseToken
from queue_core.runtime import connect
from queue_core.store import Row, Store

QUEUES: dict[str, Any] = {"default": 5, "other": 2}


@dataclass(frozen=True)
class Note(JobArgs, kind="note"):
    """Writes its text into `notes`, in the transaction that completes it."""

    text: str = ""


@dataclass(frozen=True)
class Once(JobArgs, kind="once", unique=Unique(keys=("name",))):
    name: str
    detail: int = 0


@dataclass(frozen=True)
class Give(JobArgs, kind="give", max_attempts=3):
    """Ends as `what` says."""

    what: str
    value: Any = None


class NoteWorker(Worker[Note]):
    def perform(self, job: Job[Note]) -> None:
        with job.transaction() as session:
            session.execute(
                sqlalchemy.text("INSERT INTO notes (text) VALUES (:text)"), {"text": job.args.text}
            )


class OnceWorker(Worker[Once]):
    def perform(self, job: Job[Once]) -> None:
        return None


class GiveWorker(Worker[Give]):
    """One branch per way a run can end."""

    def perform(self, job: Job[Give]) -> Any:  # noqa: C901
        value = job.args.value
        match job.args.what:
            case "none":
                return None
            case "value":
                return value
            case "ok":
                return Ok(value)
            case "error":
                return Error(value or "no")
            case "raise":
                raise ValueError(value or "no")
            case "exit":
                raise SystemExit(3)
            case "interrupt":
                raise KeyboardInterrupt
            case "close":
                raise GeneratorExit
            case "cancel":
                return Cancel("not wanted")
            case "discard":
                return Discard("hopeless")
            case "snooze":
                return Snooze(value if value is not None else 60, max_snoozes=2)
            case "retry_after":
                return RetryAfter(value or 30, "429")
            case "coroutine":
                return _coroutine()
            case "generator":
                return (number for number in range(1))
            case "object":
                return object()
            case other:
                raise AssertionError(other)


async def _coroutine() -> None:
    return None


WORKERS = (NoteWorker, OnceWorker, GiveWorker)


def insert(queue: Queue, args: JobArgs | PlainArgs, /, **options: Any) -> int:
    """Stores and commits; returns the id."""
    with queue.engine.begin() as connection:
        return queue.insert(connection, args, **options).id


def jobs(queue: Queue) -> list[Row]:
    with queue.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"SELECT * FROM {queue.schema}.all_jobs ORDER BY id")
        return [dict(row) for row in rows.mappings()]


def job(queue: Queue, job_id: int) -> Row:
    return next(row for row in jobs(queue) if row["id"] == job_id)


def attempts(queue: Queue) -> list[Row]:
    with queue.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            f"SELECT * FROM {queue.schema}.job_attempts ORDER BY job_id, lease"
        )
        return [dict(row) for row in rows.mappings()]


def execute(queue: Queue, statement: str, **values: Any) -> None:
    with queue.engine.begin() as connection:
        connection.exec_driver_sql(statement, values)


def make_notes(queue: Queue) -> None:
    execute(queue, "CREATE TABLE notes (id bigserial PRIMARY KEY, text text)")


def notes(queue: Queue) -> list[str]:
    with queue.engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT text FROM notes ORDER BY id").scalars())


class WeakStore(Store):
    """A store with guards taken out of its statements: what a promise rests on must be seen to
    carry it.
    """

    removed: Mapping[str, tuple[str, str]] = MappingProxyType({})

    def text(self, name: str) -> str:
        text = super().text(name)
        if name in self.removed:
            guard, without = self.removed[name]
            assert guard in text, (
                f"{name}.sql has no {guard!r} any more: mend this negative control"
            )
            text = text.replace(guard, without)
        return text


def weaken(store: Store, name: str, guard: str, without: str = "") -> WeakStore:
    weak = WeakStore(store.connection, store.schema)
    weak.removed = {name: (guard, without)}
    return weak


class Runner:
    """A worker process in the hands of a test: its own row, its own connection, one statement at a
    time.
    """

    def __init__(self, queue: Queue, *, lease_s: float = 60.0) -> None:
        self.queue = queue
        self.id = uuid.uuid4()
        self.connection: psycopg.Connection[Any] = connect.connect(queue.database_url, "test")
        self.store = Store(self.connection, queue.schema)
        self.store.register_worker(
            id=self.id,
            supervisor_id=self.id,
            node="test",
            pid=1,
            supervisor_pid=1,
            queues=["default"],
            kinds=["note"],
            lease_s=lease_s,
            supervisor_age_s=0.0,
        )

    def claim(self, limit: int = 1, *, store: Store | None = None, **options: Any) -> list[Row]:
        values = {
            "queue": "default",
            "kinds": self.queue.registry.kinds,
            "max_rescues": 3,
            "solo": False,
        }
        rows = (store or self.store).claim_jobs(
            worker_id=self.id, limit=limit, **{**values, **options}
        )
        return sorted(rows, key=lambda row: int(row["id"]))

    def finish(
        self, row: Row, state: str = "completed", *, store: Store | None = None
    ) -> list[Row]:
        return (store or self.store).finish_jobs(
            ids=[row["id"]],
            leases=[row["lease"]],
            states=[state],
            errors=[None],
            results=[None],
            yields=[False],
        )

    def complete(self, *rows: Row, store: Store | None = None) -> list[Row]:
        """What was written; the statement says "all" without naming them."""
        answer = (store or self.store).complete_jobs(
            ids=[row["id"] for row in rows], leases=[row["lease"] for row in rows]
        )[0]
        if answer["ids"] is None:
            return list(rows)
        written = set(zip(answer["ids"], answer["leases"], strict=True))
        return [row for row in rows if (row["id"], row["lease"]) in written]

    def postpone(
        self,
        row: Row,
        state: str = "retryable",
        delay_s: float = 60.0,
        *,
        refund: int = 0,
        store: Store | None = None,
    ) -> list[Row]:
        return (store or self.store).postpone_jobs(
            ids=[row["id"]],
            leases=[row["lease"]],
            states=[state],
            delays_s=[delay_s],
            refunds=[refund],
            snoozes=[refund],
            outcomes=["snooze" if refund else "error"],
            errors=[None],
            worker_id=self.id,
        )

    def release(
        self, row: Row, *, charged: bool = False, rescue: bool = False, innocent: bool = False
    ) -> list[Row]:
        return self.store.release_jobs(
            ids=[row["id"]],
            leases=[row["lease"]],
            charged=[charged],
            rescues=[rescue],
            innocents=[innocent],
            errors=[None],
            max_rescues=3,
        )

    def die(self) -> None:
        """As a reaper sees it: the row goes, the jobs stay executing."""
        self.store.delete_workers(ids=[self.id])

    def close(self) -> None:
        self.connection.close()


@contextmanager
def runner(queue: Queue) -> Iterator[Runner]:
    one = Runner(queue)
    try:
        yield one
    finally:
        one.close()


def token(queue: Queue, row: Row) -> LeaseToken:
    return LeaseToken(row["id"], row["lease"], row["attempt"], queue.schema)


def session(queue: Queue) -> Session:
    return Session(queue.engine)


def is_waiting(queue: Queue) -> bool:
    """Whether a transaction of this database waits for another's lock."""
    with psycopg.connect(connect.plain_url(queue.database_url), autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ).fetchone()
        return bool(row and row[0])
