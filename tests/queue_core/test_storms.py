"""Drains while workers are killed, leases stolen, sessions ended and the server crashes.

The full forms take minutes (`make test-full`); each has a small one in every run.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from queue_core import Queue, control
from queue_core.runtime import connect
from queue_core.store import Store
from tests.queue_core.processes import programs
from tests.queue_core.program import SUMS, WORKERS, Count, Mark, Sole
from tests.queue_core.support import QUEUES, execute
from tests.support.own_server import OwnServer
from tests.support.waiting import wait_until

full = pytest.mark.full
# How often two running jobs are robbed of their lease.
THEFT_EVERY_S = 0.05


def ask(queue: Queue, question: str) -> Any:
    with queue.engine.connect() as connection:
        return connection.exec_driver_sql(question).one()


def done(queue: Queue) -> int:
    """How many are finished; a database that is away is asked again."""
    try:
        return int(ask(queue, "SELECT count(*) FROM queue.job_history")[0])
    except DBAPIError:
        return -1


def has_done(queue: Queue, count: int) -> bool:
    return done(queue) >= count


def end_sessions(queue: Queue) -> None:
    """Of everybody but this one."""
    with psycopg.connect(connect.plain_url(queue.database_url), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=full)])
@pytest.mark.timeout(600)
def test_ten_thousand_jobs_that_add_one_add_ten_thousand(
    queue: Queue, start: Any, count: int
) -> None:
    """R1, R5: with children killed and leases stolen from running jobs, the sum is exact."""
    execute(queue, "DROP TABLE IF EXISTS sums; CREATE TABLE sums (id int PRIMARY KEY, value int)")
    execute(queue, f"INSERT INTO sums SELECT n, 0 FROM generate_series(0, {SUMS - 1}) n")
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Count(number) for number in range(count)])
    program = start(processes=2, lease_s=4.0, max_rescues=20)

    with thief(queue) as stolen:
        share = 0
        while share < count:
            share += max(count // 10, 150)
            wait_until(partial(has_done, queue, min(share, count)), timeout_s=120)
            if share < count:
                program.kill_child()
    wait_until(partial(has_done, queue, count), timeout_s=60, what=program.text[-3000:])

    assert ask(queue, "SELECT sum(value) FROM sums")[0] == count
    assert ask(queue, "SELECT count(*), count(DISTINCT id) FROM queue.all_jobs") == (count, count)
    assert queue.stats() == {"default": {"completed": count}}
    assert len(stolen) > 0
    assert ask(queue, "SELECT count(*) FROM queue.jobs")[0] == 0


@contextmanager
def thief(queue: Queue) -> Iterator[list[int]]:
    """Gives running jobs back behind the backs of those who run them."""
    stolen: list[int] = []
    over = threading.Event()

    def steal() -> None:
        with connect.connect(queue.database_url, "thief") as connection:
            store = Store(connection, queue.schema)
            while not over.wait(THEFT_EVERY_S):
                workers = [row["id"] for row in store.list_workers(limit=100)]
                rows = store.list_executing(worker_ids=workers, min_age_s=0.0, limit=2)
                taken = store.release_jobs(
                    ids=[row["id"] for row in rows],
                    leases=[row["lease"] for row in rows],
                    charged=[False] * len(rows),
                    rescues=[False] * len(rows),
                    innocents=[False] * len(rows),
                    errors=[None] * len(rows),
                    max_rescues=3,
                )
                stolen.extend(row["id"] for row in taken)

    thread = threading.Thread(target=steal)
    thread.start()
    try:
        yield stolen
    finally:
        over.set()
        thread.join()


@full
@pytest.mark.timeout(900)
def test_twenty_thousand_jobs_survive_ended_sessions_and_a_crashed_server(tmp_path: Path) -> None:
    """R4, R11: all finish, none is lost or doubled but where an ended run explains it."""
    count = 20_000
    with OwnServer(tmp_path / "server") as server:
        queue = Queue(server.url, queues=QUEUES, workers=WORKERS)
        queue.install()
        execute(queue, "CREATE TABLE runs (id bigserial, job bigint, lease bigint, pid int)")
        with queue.engine.begin() as connection:
            queue.insert_all(connection, [Mark(number) for number in range(count)])
        with programs(queue, tmp_path) as start:
            program = start(processes=2, lease_s=6.0)
            harms = [
                *(partial(end_sessions, queue), server.restart, partial(end_sessions, queue)),
                *(program.kill_child, server.restart, partial(end_sessions, queue)),
            ]
            for number, harm in enumerate(harms, 1):
                share = count * number // (len(harms) + 1)
                wait_until(
                    partial(has_done, queue, share), timeout_s=240, what=program.text[-3000:]
                )
                harm()
            wait_until(partial(has_done, queue, count), timeout_s=240, what=program.text[-3000:])

            assert queue.stats() == {"default": {"completed": count}}
            assert_explained(queue, count)
            assert program.process.poll() is None
        queue.engine.dispose()


def assert_explained(queue: Queue, count: int) -> None:
    rows = ask(queue, "SELECT count(*), count(DISTINCT id) FROM queue.all_jobs")
    runs = ask(
        queue, "SELECT count(*), count(DISTINCT (job, lease)), count(DISTINCT job) FROM runs"
    )
    unexplained = ask(
        queue,
        "SELECT count(*) FROM (SELECT job FROM runs GROUP BY job HAVING count(*) > 1) twice"
        " WHERE job NOT IN (SELECT job_id FROM queue.job_attempts WHERE outcome <> 'stale')",
    )
    print(f"\n{count} jobs, {runs[0]} runs, {runs[0] - count} explained")  # noqa: T201 - a figure
    assert rows == (count, count)
    assert runs[0] == runs[1]
    assert (runs[2], unexplained[0]) == (count, 0)


@full
def test_a_limit_of_one_is_never_two_with_eight_processes(queue: Queue, start: Any) -> None:
    with queue.engine.begin() as connection:
        control.scale_queue(connection, "other", global_limit=1)
        queue.insert_all(connection, [Sole() for _ in range(400)])

    for one in [start(processes=4, stop_when_empty=True) for _ in range(2)]:
        assert one.wait(90) == 0

    assert ask(queue, "SELECT count(*), count(*) FILTER (WHERE lease < 0) FROM runs") == (400, 0)
