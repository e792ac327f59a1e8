"""Inserting: many at once, and one at a time in a transaction of its own."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import sqlalchemy

from benchmarks.contestants import Contestant, find
from benchmarks.result import Measure, Plan, Result, interleave
from benchmarks.world import World

OURS, PEER, CORE = "queue_core", "PGQueuer", "SQLAlchemy Core, insert + commit"
BULK_JOBS, SINGLE_JOBS = 50_000, 1_500
ROWS, INSERTS = "rows/s", "inserts/s"
# The queue's own table, so that both write the same row and the same indexes.
JOBS = sqlalchemy.table(
    "jobs", *map(sqlalchemy.column, ("state", "queue", "kind", "args")), schema="queue"
)


def run_bulk(world: World, plan: Plan) -> Result:
    names = {OURS: "queue_core", "raw psycopg, unnest": "raw"}
    if plan.with_peers:
        names |= {PEER: "pgqueuer", "Procrastinate": "procrastinate"}
    jobs = plan.jobs(BULK_JOBS)
    measures: dict[str, Measure] = {
        who: partial(_fill, world, find(name), jobs) for who, name in names.items()
    }
    result = Result("Bulk insert, 5,000 rows a call")
    result.add(ROWS, interleave(plan, measures))
    result.compare("bulk insert / PGQueuer", OURS, PEER, ROWS, 1.0)
    return result


def run_single(world: World, plan: Plan) -> Result:
    names = {f"{OURS}, Session": "queue_core", "raw psycopg": "raw"}
    if plan.with_peers:
        names |= {PEER: "pgqueuer", "Procrastinate": "procrastinate"}
    jobs = plan.jobs(SINGLE_JOBS)
    measures: dict[str, Measure] = {
        who: partial(_insert, world, find(name), jobs) for who, name in names.items()
    }
    measures[CORE] = partial(_insert, world, Core(), jobs)
    result = Result("Single insert and commit")
    result.add(INSERTS, interleave(plan, measures))
    result.compare("Session / SQLAlchemy Core", f"{OURS}, Session", CORE, INSERTS, 0.7)
    return result


def _fill(world: World, contestant: Contestant, jobs: int) -> float:
    with world.database(contestant.name, contestant.install) as url:
        begun_s = time.monotonic()
        contestant.fill(url, range(jobs))
        return jobs / (time.monotonic() - begun_s)


def _insert(world: World, contestant: "Contestant | Core", jobs: int) -> float:
    with (
        world.database(contestant.name, contestant.install) as url,
        contestant.inserter(url) as insert,
    ):
        for number in range(jobs // 10):  # Warm: connections, caches of compiled statements.
            insert(number)
        begun_s = time.monotonic()
        for number in range(jobs):
            insert(number)
        return jobs / (time.monotonic() - begun_s)


class Core:
    """SQLAlchemy Core alone: what a transaction with one insert costs without any queue."""

    name = "queue_core"

    def install(self, url: str) -> None:
        find("queue_core").install(url)

    @contextmanager
    def inserter(self, url: str) -> Iterator[Callable[[int], None]]:
        engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))
        statement = sqlalchemy.insert(JOBS)

        def insert(number: int) -> None:
            row = {"queue": "default", "kind": "touch", "state": "available"}
            with engine.begin() as connection:
                connection.execute(statement, {**row, "args": f'{{"number": {number}}}'})

        yield insert
        engine.dispose()
