"""A raw psycopg loop: what PostgreSQL and the driver give when nothing else is asked for.

One connection, one thread; each turn settles the last hundred and claims the next in one statement.
No retries, leases, limits, events or threads: not a queue, but the ceiling for one.
"""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from benchmarks.contestants.contestant import Setup, batches
from benchmarks.page import Page
from benchmarks.world import connect

TURN = 100
SCHEMA = """
CREATE TABLE raw_jobs (
    id bigserial PRIMARY KEY,
    state text NOT NULL DEFAULT 'available',
    args jsonb NOT NULL
);
CREATE INDEX raw_jobs_claim ON raw_jobs (id) WHERE state = 'available';
CREATE TABLE raw_history (id bigint, args jsonb, finished_at timestamptz NOT NULL DEFAULT now());
"""
SETTLE_AND_CLAIM = b"""
WITH gone AS (
    DELETE FROM raw_jobs WHERE id = ANY (%(done)s) RETURNING id, args
), kept AS (
    INSERT INTO raw_history (id, args) SELECT id, args FROM gone
), picked AS MATERIALIZED (
    SELECT id FROM raw_jobs WHERE state = 'available' ORDER BY id
    LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE raw_jobs SET state = 'executing' WHERE id = ANY (ARRAY(SELECT id FROM picked))
RETURNING id, args
"""
INSERT = b"INSERT INTO raw_jobs (args) SELECT * FROM unnest(%s::jsonb[])"


class Raw:
    name = "raw"
    has_unfinished = "SELECT EXISTS (SELECT FROM raw_jobs)"
    forks = False

    def install(self, url: str) -> None:
        with connect(url) as connection:
            connection.execute(SCHEMA.encode())

    def fill(self, url: str, numbers: range, *, sleep_ms: int = 0) -> None:
        with connect(url) as connection:
            for batch in batches(numbers):
                rows = [json.dumps({"number": one, "sleep_ms": sleep_ms}) for one in batch]
                connection.execute(INSERT, [rows])

    @contextmanager
    def inserter(self, url: str) -> Iterator[Callable[[int], None]]:
        with connect(url) as connection:

            def insert(number: int) -> None:
                connection.execute(INSERT, [[json.dumps({"number": number, "sleep_ms": 0})]])

            yield insert

    def work(self, url: str, page: Page, setup: Setup) -> None:  # noqa: ARG002 - it has no knobs
        stopping: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, _: stopping.append(number))
        done: list[int] = []
        with connect(url) as connection:
            connection.execute("SET plan_cache_mode = force_custom_plan")
            while not stopping:
                rows = connection.execute(
                    SETTLE_AND_CLAIM, {"done": done, "limit": TURN}
                ).fetchall()
                for _, args in rows:
                    page.executed(args["number"])
                done = [job_id for job_id, _ in rows]
                if not done:
                    time.sleep(0.02)
