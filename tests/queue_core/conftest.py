"""The world of the queue's tests: a database with its schema and nothing else of the project."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy

from queue_core import Queue
from tests.queue_core.support import QUEUES, WORKERS
from tests.support import databases


def _name() -> str:
    return databases.app_template_name().replace("app", "queue")


def _fill(url: str) -> None:
    queue = Queue(url, queues=QUEUES)
    queue.install()
    queue.engine.dispose()


def pytest_unconfigure(config: pytest.Config) -> None:
    import os

    if "TEST_DATABASE_URL" in os.environ and "PYTEST_XDIST_WORKER" not in os.environ:
        databases.drop(os.environ["TEST_DATABASE_URL"], _name())


@pytest.fixture(scope="session")
def queue_template(admin_url: str, run_dir: Path) -> str:
    return databases.template_database(
        admin_url, _name(), fill=_fill, lock=run_dir / "queue_template"
    )


@pytest.fixture
def queue_url(admin_url: str, queue_template: str) -> Iterator[str]:
    with databases.database(admin_url, template=queue_template) as url:
        yield url


@pytest.fixture
def make_queue(queue_url: str) -> Iterator[Callable[..., Queue]]:
    made: list[Queue] = []

    def make(*workers: object, **options: object) -> Queue:
        made.append(Queue(queue_url, queues=QUEUES, workers=workers or WORKERS, **options))
        return made[-1]

    yield make
    for queue in made:
        queue.engine.dispose()


@pytest.fixture
def queue(make_queue: Callable[..., Queue]) -> Queue:
    return make_queue()


@pytest.fixture
def engine(queue: Queue) -> sqlalchemy.Engine:
    return queue.engine
