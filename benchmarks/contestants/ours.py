"""queue_core, as its guide shows it."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy
from sqlalchemy.orm import Session

from benchmarks.contestants.contestant import Setup, batches
from benchmarks.page import Page
from queue_core import Job, JobArgs, Queue, Worker, control


@dataclass(frozen=True)
class Touch(JobArgs, kind="touch"):
    """Does nothing but to be counted, perhaps after a while."""

    number: int
    sleep_ms: int = 0


class Toucher(Worker[Touch]):
    def __init__(self, page: Page) -> None:
        self._page = page

    def perform(self, job: Job[Touch]) -> None:
        if job.args.sleep_ms:
            time.sleep(job.args.sleep_ms / 1000)
        self._page.executed(job.args.number)


class Ours:
    name = "queue_core"
    has_unfinished = (
        "SELECT EXISTS (SELECT FROM queue.jobs WHERE state = 'available')"
        " OR EXISTS (SELECT FROM queue.jobs WHERE state = 'executing')"
    )
    forks = True

    def install(self, url: str) -> None:
        queue = Queue(url)
        queue.install()
        queue.engine.dispose()

    def fill(self, url: str, numbers: range, *, sleep_ms: int = 0) -> None:
        queue = Queue(url)
        with Session(queue.engine) as session:
            for batch in batches(numbers):
                queue.insert_all(session, [Touch(number, sleep_ms) for number in batch])
                session.commit()
        queue.engine.dispose()

    @contextmanager
    def inserter(self, url: str) -> Iterator[Callable[[int], None]]:
        # With the pool's own defaults, so that it is compared with SQLAlchemy and nothing else.
        engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))
        queue = Queue(engine=engine)

        def insert(number: int) -> None:
            with Session(engine) as session:
                queue.insert(session, Touch(number))
                session.commit()

        yield insert
        engine.dispose()

    def work(self, url: str, page: Page, setup: Setup) -> None:
        os.environ["QUEUE_CLAIM_AHEAD"] = str(int(setup.claims_ahead))
        queue = Queue(url, queues={"default": setup.slots}, workers=[Toucher(page)])
        with queue.engine.begin() as connection:
            # The table has a limit since the installation, and it wins over a configured one.
            control.scale_queue(connection, "default", setup.slots)
        queue.engine.dispose()
        queue.run(processes=setup.processes)
