"""What a job costs in CPU time, ours alone: `python -m benchmarks.costs [--database-url URL]`.

Rates depend on who else is on the machine; the time that a process spent on a processor does much
less. So a change is judged by this, and a target by the scenarios. Microseconds per job, of the
Python processes that work and of the server processes that they talk to; the least of some rounds.
Linux only: it reads /proc, and the server must run on this machine.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from benchmarks.contestants import Contestant, Setup, find
from benchmarks.contestants.contestant import batches
from benchmarks.contestants.ours import Touch
from benchmarks.page import Page
from benchmarks.scenarios.inserts import Core
from benchmarks.workers import wait_until, workers
from benchmarks.world import World, connect, world
from queue_core import Queue

ROUNDS = 3
SINGLE_JOBS, BULK_JOBS, DRAIN_JOBS, AHEAD_JOBS = 800, 30_000, 6_000, 40_000


@dataclass(frozen=True)
class Cost:
    """Microseconds of CPU per job."""

    python: float
    postgres: float

    @property
    def total(self) -> float:
        return self.python + self.postgres


class Meter:
    """Counts from its making: what this process and its children's processes have used since."""

    def __init__(self, url: str, pids: list[int] | None = None) -> None:
        self._connection = connect(url)
        self._pids = pids
        self._begun = self._read()

    def stop(self, jobs: int) -> Cost:
        python_s, postgres = self._read()
        began_s, before = self._begun
        # A server process that came later counts from nought.
        server_s = sum(used_s - before.get(pid, 0.0) for pid, used_s in postgres.items())
        self._connection.close()
        return Cost((python_s - began_s) / jobs * 1e6, server_s / jobs * 1e6)

    def _read(self) -> tuple[float, dict[int, float]]:
        rows = self._connection.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
        python_s = time.process_time() if self._pids is None else sum(map(_used_s, self._pids))
        return python_s, {pid: _used_s(pid) for (pid,) in rows}


def _used_s(pid: int) -> float:
    """Of threads that still live; ours all do."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9
    except FileNotFoundError:
        return 0.0


def single(server: World, contestant: "Contestant | Core") -> Cost:
    with (
        server.database(contestant.name, contestant.install) as url,
        contestant.inserter(url) as insert,
    ):
        for number in range(SINGLE_JOBS // 10):
            insert(number)
        meter = Meter(url)
        for number in range(SINGLE_JOBS):
            insert(number)
        return meter.stop(SINGLE_JOBS)


def bulk(server: World) -> Cost:
    with server.database("queue_core", find("queue_core").install) as url:
        queue = Queue(url)
        with Session(queue.engine) as session:
            queue.insert_all(session, [Touch(number) for number in range(10)])
            session.commit()
            meter = Meter(url)
            for batch in batches(range(BULK_JOBS)):
                queue.insert_all(session, [Touch(number) for number in batch])
                session.commit()
            cost = meter.stop(BULK_JOBS)
        queue.engine.dispose()
        return cost


def drain(server: World, jobs: int, setup: Setup) -> Cost:
    """Of the jobs after the first fifth: starting and warming up cost the same for any number."""
    ours, path = find("queue_core"), server.new_page()
    page = Page(path, jobs)
    with server.database(ours.name, ours.install) as url:
        ours.fill(url, range(jobs))
        with workers(ours, url, path, jobs, setup) as started:
            wait_until(lambda: page.count() >= jobs // 5, "the first fifth", started)
            children = Path(f"/proc/{started[0].pid}/task/{started[0].pid}/children")
            meter = Meter(url, [int(pid) for pid in children.read_text().split()])
            begun = page.count()
            wait_until(lambda: page.count() >= jobs * 0.95, "the last jobs", started)
            return meter.stop(page.count() - begun)


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.costs", description=__doc__)
    parser.add_argument("--database-url", help="a server of your own instead of the embedded one")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="benchmarks-") as folder,
        world(Path(folder), options.database_url) as server,
    ):
        print("| µs of CPU per job | Python | PostgreSQL | together |\n|---|---|---|---|")
        for who, measure in _measures(server).items():
            cost = min((measure() for _ in range(ROUNDS)), key=lambda cost: cost.total)
            print(f"| {who} | {cost.python:.1f} | {cost.postgres:.1f} | {cost.total:.1f} |")


def _measures(server: World) -> dict[str, Callable[[], Cost]]:
    return {
        "single insert, SQLAlchemy Core": partial(single, server, Core()),
        "single insert, Session": partial(single, server, find("queue_core")),
        "bulk insert": partial(bulk, server),
        "drain, nothing ahead": partial(drain, server, DRAIN_JOBS, Setup(claims_ahead=False)),
        "drain, claim-ahead": partial(drain, server, AHEAD_JOBS, Setup()),
    }


if __name__ == "__main__":
    main()
