"""PGQueuer: as its documentation shows it, and widened.

As documented: `PgQueuer.run()` with its defaults, a batch of ten. Widened: a batch of 512 and 1,024
tasks on uvloop, its own best here. It deletes finished jobs and keeps a line of log.
"""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries

from benchmarks.contestants.contestant import Setup, batches
from benchmarks.page import Page

WIDE_BATCH, WIDE_TASKS = 512, 1024
T = TypeVar("T")


class PGQueuer:
    name = "pgqueuer"
    has_unfinished = "SELECT EXISTS (SELECT FROM pgqueuer)"
    forks = False

    def install(self, url: str) -> None:
        asyncio.run(_with_queries(url, lambda queries: queries.install()))

    def fill(self, url: str, numbers: range, *, sleep_ms: int = 0) -> None:
        async def enqueue(queries: Queries) -> None:
            for batch in batches(numbers):
                count = len(batch)
                payloads: list[bytes | None] = [_payload(number, sleep_ms) for number in batch]
                await queries.enqueue(["touch"] * count, payloads, [0] * count)

        asyncio.run(_with_queries(url, enqueue))

    @contextmanager
    def inserter(self, url: str) -> Iterator[Callable[[int], None]]:
        with asyncio.Runner() as runner:
            connection = runner.run(asyncpg.connect(url))
            queries = Queries(AsyncpgDriver(connection))
            yield lambda number: runner.run(_drop(queries.enqueue("touch", _payload(number, 0))))
            runner.run(connection.close())

    def work(self, url: str, page: Page, setup: Setup) -> None:
        # Another event loop is no setting of its documentation.
        run = uvloop.run if setup.widened else asyncio.run
        run(_work(url, page, setup))


async def _work(url: str, page: Page, setup: Setup) -> None:
    connection = await asyncpg.connect(url)
    queue = PgQueuer(AsyncpgDriver(connection))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, queue.shutdown.set)

    @queue.entrypoint("touch")
    async def touch(job: Job) -> None:
        values = json.loads(job.payload or b"{}")
        if values["sleep_ms"]:
            await asyncio.sleep(values["sleep_ms"] / 1000)
        page.executed(values["number"])

    await queue.run(**_width(setup))


def _width(setup: Setup) -> dict[str, int]:
    if setup.widened:
        return {"batch_size": WIDE_BATCH, "max_concurrent_tasks": WIDE_TASKS}
    if setup.slots > 10:
        return {"batch_size": setup.slots // 2, "max_concurrent_tasks": setup.slots}
    return {}


async def _with_queries(url: str, use: Callable[[Queries], Awaitable[T]]) -> T:
    connection = await asyncpg.connect(url)
    try:
        return await use(Queries(AsyncpgDriver(connection)))
    finally:
        await connection.close()


async def _drop(result: Awaitable[Any]) -> None:
    await result


def _payload(number: int, sleep_ms: int) -> bytes:
    return json.dumps({"number": number, "sleep_ms": sleep_ms}).encode()
