"""A day in the office: your worker performs what waits, perhaps dies, and one looks at the end.

The worker runs in a process of its own, as a worker of the queue does. When it has been killed,
its job is given to the next one, and the post goes out; then the customers look into their letter
boxes.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import text

from exercise.mortal import Watch, in_a_process
from exercise.office import Invoice, Letter, Office, Postman, SendInvoice
from queue_core import Queue, Worker, control
from queue_core.testing import drain_queue

QUEUES = {"invoices": 1, "mails": 1}
CUSTOMERS = ("Ada", "Grace", "Edsger")
# Whoever waits for a lock so long waits for a transaction that will not end.
CONNECT = {"options": "-c lock_timeout=2s"}
IN_TRANSACTION = "a transaction is open"

_FURNISH = """
CREATE SCHEMA IF NOT EXISTS office;
CREATE TABLE IF NOT EXISTS office.counter (next int NOT NULL);
CREATE TABLE IF NOT EXISTS office.invoices
    (id int PRIMARY KEY, customer text, amount_minor int, number int, document text);
"""
_CLEAR = """
DELETE FROM office.counter; DELETE FROM office.invoices; DELETE FROM queue.jobs;
DELETE FROM queue.job_history; DELETE FROM queue.job_attempts; DELETE FROM queue.workers;
INSERT INTO office.counter VALUES (1);
"""
# What time does: a dead worker's lease runs out, a failed job is tried again, a new one is due.
_TIME_PASSES = text(
    "UPDATE queue.jobs SET state = 'available', worker_id = NULL, scheduled_at = now()"
    " WHERE state <> 'available'"
)
# So that the insert wakes nobody: that would start a thread, and a process with threads must not
# fork.
LATER_S = 60
_ADD = text("INSERT INTO office.invoices VALUES (:id, :customer, 12000, NULL, NULL)")
_ALL = text("SELECT * FROM office.invoices ORDER BY id")
_TAKEN = text("SELECT next - 1 FROM office.counter")
_OPEN = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
)


@dataclass(frozen=True, slots=True)
class Ending:
    """What there is in the evening. ``error`` is the first thing that your worker raised."""

    invoices: list[Invoice]
    letters: list[Letter]
    taken: int
    error: str | None


class Trial:
    """``processor`` is your class, ``url`` an empty database, ``folder`` an empty folder."""

    def __init__(
        self, url: str, processor: Callable[[Office], Worker[SendInvoice]], folder: Path
    ) -> None:
        self._own_file = inspect.getfile(processor)
        self._passed = folder / "passed"
        self._letter_box = folder / "letters"
        self._office = Office(self._letter_box)
        self._workers = (processor(self._office), Postman(self._office))
        engine = sqlalchemy.create_engine(url, connect_args=CONNECT)
        self._queue = Queue(engine=engine, queues=QUEUES, workers=self._workers)
        self._queue.install()
        with self._queue.engine.begin() as connection:
            connection.exec_driver_sql(_FURNISH)

    def open(self, invoices: int = 1) -> None:
        """A new day with so many drafts, and a job for each."""
        self._letter_box.unlink(missing_ok=True)
        with self._queue.engine.begin() as connection:
            connection.exec_driver_sql(_CLEAR)
            for number, customer in enumerate(CUSTOMERS[:invoices], start=1):
                connection.execute(_ADD, {"id": number, "customer": customer})
                self._queue.insert(connection, SendInvoice(number), schedule_in=LATER_S)

    def ask_again(self, invoice: int) -> None:
        """A second click: the same job once more."""
        with self._queue.engine.begin() as connection:
            self._queue.insert(connection, SendInvoice(invoice), schedule_in=LATER_S)

    def work(self, *, die_at: int | None = None, overtaken_at: str | None = None) -> list[str]:
        """Your worker performs what waits. Returns the points that it passed.

        It is killed at the point with the index ``die_at``. At the point ``overtaken_at`` it is
        only slow: it is thought dead, and another one does everything before it goes on.
        """
        self._passed.write_text("")
        self._let_time_pass()
        watch = Watch(self._passed, die_at)
        watch.at["office.drawing"] = lambda: self._look_for_transactions(watch)
        if overtaken_at is not None:
            watch.at[overtaken_at] = self.next_worker
        self._in_a_process(
            lambda: watch.over(lambda: drain_queue(self._queue, queues=("invoices",)))
        )
        return self._passed.read_text().splitlines()

    def next_worker(self) -> None:
        """Everything that is left is done: a dead worker's job again, and the post."""
        self._let_time_pass()
        self._in_a_process(lambda: drain_queue(self._queue))

    def look(self) -> Ending:
        with self._queue.engine.begin() as connection:
            return Ending(
                invoices=[Invoice(**row) for row in connection.execute(_ALL).mappings()],
                letters=self._office.letters(),
                taken=connection.execute(_TAKEN).scalar_one(),
                error=self._first_error(connection),
            )

    def _let_time_pass(self) -> None:
        with self._queue.engine.begin() as connection:
            connection.execute(_TIME_PASSES)

    def _in_a_process(self, body: Callable[[], object]) -> None:
        def with_connections_of_its_own() -> None:
            self._queue.engine.dispose(close=False)
            body()

        in_a_process(with_connections_of_its_own)

    def _look_for_transactions(self, watch: Watch) -> None:
        with self._queue.engine.begin() as connection:
            if connection.execute(_OPEN).scalar_one():
                watch.note(IN_TRANSACTION)

    def _first_error(self, connection: sqlalchemy.Connection) -> str | None:
        jobs = control.list_jobs(connection, control.Filter(kind="send_invoice"))
        errors = [error for job in reversed(jobs) for error in job["errors"]]
        if not errors:
            return None
        first = errors[0]
        return f"{first['kind']}: {first['message']}{self._place(first)}"

    def _place(self, error: dict[str, Any]) -> str:
        """The last line of the reader's own file in the trace."""
        for line in reversed(error.get("trace", "").splitlines()):
            if self._own_file in line:
                return f" ({Path(self._own_file).name}, {line.split(', ')[1]})"
        return ""
