"""The queue without the rest: a shop's orders, from installing to a periodic job, in one file.

    python examples/queue_alone.py                                  # on a server of its own
    DATABASE_URL=postgresql://localhost/app python examples/queue_alone.py

The shop inserts jobs in its own transactions. A second process, this file again, performs them: one
fails and is retried, one waits for its time, one comes from the timetable. When all have ended, the
shop stops its worker and shows what happened. The tables lie in a schema `shop_queue` of their own.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Run by its path, beside queue_core; with queue_core installed this line is not needed.
sys.path.insert(0, str(Path(__file__).parent.parent))

from sqlalchemy import Connection, text

from queue_core import Cron, Job, JobArgs, Queue, Unique, Worker, control

SCHEMA = "shop_queue"
PATIENCE_S = 60


# What can be asked for: kinds of jobs with their options, known to the shop and to the workers.
@dataclass(frozen=True)
class PackOrder(JobArgs, kind="pack_order", queue="warehouse", unique=Unique(keys=("order",))):
    order: int


@dataclass(frozen=True)
class BookCarrier(JobArgs, kind="book_carrier", max_attempts=5):
    order: int


@dataclass(frozen=True)
class AskForReview(JobArgs, kind="ask_for_review"):
    order: int


@dataclass(frozen=True)
class CountStock(JobArgs, kind="count_stock", queue="warehouse"):
    pass


# Who performs it.
class Packer(Worker[PackOrder]):
    def perform(self, job: Job[PackOrder]) -> None:
        with job.transaction() as session:  # The order is packed and the job done, or neither.
            session.execute(
                text("UPDATE shop_queue.orders SET packed = packed + 1 WHERE id = :id"),
                {"id": job.args.order},
            )


class CarrierBooker(Worker[BookCarrier]):
    def perform(self, job: Job[BookCarrier]) -> str:
        if job.attempt == 1:
            raise ConnectionError("the carrier does not answer")
        return f"order {job.args.order} is booked under {job.idempotency_key}"

    def backoff(self, job: Job[BookCarrier], error: BaseException | str) -> float:  # noqa: ARG002
        return 0.5 * job.attempt


class ReviewAsker(Worker[AskForReview]):
    def perform(self, job: Job[AskForReview]) -> None:
        assert job.attempt == 1


class StockCounter(Worker[CountStock]):
    def perform(self, job: Job[CountStock]) -> None:
        assert job.meta["cron"] == "count at start"


def make_queue(url: str) -> Queue:
    return Queue(
        url,
        queues={"default": 10, "warehouse": {"limit": 2, "global_limit": 4}},
        workers=[Packer, CarrierBooker, ReviewAsker, StockCounter],
        cron=[
            Cron("count at night", "0 2 * * *", CountStock(), timezone="Europe/Berlin"),
            Cron("count at start", "@reboot", CountStock()),
        ],
        schema=SCHEMA,
    )


def open_shop(queue: Queue) -> None:
    """Afresh, so that this file can be run again; your application calls `install` alone."""
    with queue.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA IF EXISTS shop_queue CASCADE"))
    queue.install()
    with queue.engine.begin() as connection:
        connection.execute(text("CREATE TABLE shop_queue.orders (id int, packed int DEFAULT 0)"))


def sell(queue: Queue) -> list[int]:
    """One sale: the order and its jobs are stored together, or not at all."""
    with queue.engine.begin() as connection:
        connection.execute(text("INSERT INTO shop_queue.orders (id) VALUES (4711)"))
        jobs = [
            queue.insert(connection, PackOrder(4711)),
            queue.insert(connection, BookCarrier(4711), priority=1),
            queue.insert(connection, AskForReview(4711), schedule_in=1),
        ]
        again = queue.insert(connection, PackOrder(4711))
        print(f"packing 4711 again: conflict={again.conflict}, it is job {jobs[0].id} already")
    return [job.id for job in jobs]


def wait_for_all(queue: Queue, count: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        states = [states for of_queue in queue.stats().values() for states in of_queue.items()]
        if sum(number for state, number in states if state == "completed") >= count:
            return
        time.sleep(0.05)
    raise SystemExit(f"not all jobs ended within {PATIENCE_S} s: {queue.stats()}")


def show(connection: Connection) -> None:
    for job in reversed(control.list_jobs(connection, schema=SCHEMA)):
        errors = "; ".join(f"{one['kind']}: {one['message']}" for one in job["errors"])
        line = f"{job['kind']:<15} {job['state']:<10} attempt {job['attempt']}  {errors}"
        print(line.rstrip())
    for run in control.list_cron_runs(connection, schema=SCHEMA):
        print(f"the timetable fired {run['name']!r}")
    packed = connection.execute(text("SELECT id, packed FROM shop_queue.orders")).one()
    print(f"order {packed.id} was packed {packed.packed} time")


def main() -> None:
    with database() as url:
        queue = make_queue(url)
        open_shop(queue)
        worker = subprocess.Popen(
            [sys.executable, __file__, "work"], env={**os.environ, "DATABASE_URL": url}
        )
        try:
            jobs = sell(queue)
            wait_for_all(queue, len(jobs) + 1)  # And the one from the timetable.
        finally:
            worker.terminate()  # TERM: running jobs end, the others are given back.
            code = worker.wait(30)
        with queue.engine.connect() as connection:
            show(connection)
        queue.engine.dispose()
        print(f"the worker stopped with {code}")


@contextmanager
def database() -> Iterator[str]:
    """Yours, when DATABASE_URL names one; else a server of this project's, removed at the end."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    from payments_app import embedded_postgres  # Knows no Flask; queue_core knows nothing of it.

    with tempfile.TemporaryDirectory(prefix="queue-alone-") as folder:
        try:
            with embedded_postgres.server(Path(folder)) as url:
                yield url
        finally:
            embedded_postgres.remove(Path(folder))


if __name__ == "__main__":
    if sys.argv[1:] == ["work"]:
        sys.exit(make_queue(os.environ["DATABASE_URL"]).run(processes=1))
    main()
