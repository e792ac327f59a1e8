"""Procrastinate: as its documentation recommends it (asynchronous), and widened.

As documented: one worker with a concurrency of ten. Widened: 100 at a time on uvloop, with a pool
of 20 connections. Finished jobs stay in its table.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvloop
from procrastinate import App, PsycopgConnector, SyncPsycopgConnector
from procrastinate.tasks import Task

from benchmarks.contestants.contestant import Setup, batches
from benchmarks.page import Page

WIDE_CONCURRENCY, WIDE_POOL = 100, 20


class Procrastinate:
    name = "procrastinate"
    has_unfinished = (
        "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing'))"
    )
    forks = False

    def install(self, url: str) -> None:
        with _sync(url) as (app, _):
            app.schema_manager.apply_schema()

    def fill(self, url: str, numbers: range, *, sleep_ms: int = 0) -> None:
        with _sync(url) as (_, touch):
            for batch in batches(numbers):
                touch.batch_defer(*({"number": one, "sleep_ms": sleep_ms} for one in batch))

    @contextmanager
    def inserter(self, url: str) -> Iterator[Callable[[int], None]]:
        with _sync(url) as (_, touch):

            def insert(number: int) -> None:
                touch.defer(number=number, sleep_ms=0)

            yield insert

    def work(self, url: str, page: Page, setup: Setup) -> None:
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        run = uvloop.run if setup.widened else asyncio.run
        run(_work(url, page, setup))


async def _work(url: str, page: Page, setup: Setup) -> None:
    pool = {"max_size": WIDE_POOL} if setup.widened else {}
    app = App(connector=PsycopgConnector(conninfo=url, **pool))

    @app.task(name="touch")
    async def touch(number: int, sleep_ms: int) -> None:
        if sleep_ms:
            await asyncio.sleep(sleep_ms / 1000)
        page.executed(number)

    async with app.open_async():
        await app.run_worker_async(concurrency=WIDE_CONCURRENCY if setup.widened else setup.slots)


@contextmanager
def _sync(url: str) -> "Iterator[tuple[App, Task[..., None, ...]]]":
    app = App(connector=SyncPsycopgConnector(conninfo=url))

    @app.task(name="touch")
    def touch(**values: int) -> None:
        raise AssertionError(f"only a worker's own performs, not this one: {values}")

    with app.open():
        yield app, touch
