"""The world of the queue's tests: a database with its schema and nothing else of the project."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy

from queue_core import Queue
from tests.queue_core.processes import programs
from tests.queue_core.support import QUEUES, WORKERS
from tests.support import databases

TABLES = (
    *("jobs", "job_history", "job_attempts", "workers", "queues", "unique_keys", "limiters"),
    *("leader", "cron_entries", "cron_runs", "operator_log", "drained_nodes"),
)


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


@pytest.fixture(scope="session")
def queue_database(admin_url: str, queue_template: str) -> Iterator[str]:
    with databases.database(admin_url, template=queue_template) as url:
        yield url


@pytest.fixture
def queue_url(queue_database: str) -> str:
    """The process's database, emptied: a clone costs ten times as much as the DELETEs."""
    dsn = queue_database.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(dsn, autocommit=True) as connection:
        # What an earlier test left open must not stand in the way, or write into this one.
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        for table in TABLES:
            connection.execute(f"DELETE FROM queue.{table}".encode())
        connection.execute("DROP TABLE IF EXISTS notes")
    _fill(queue_database)
    return queue_database


@pytest.fixture
def make_queue(queue_url: str) -> Iterator[Callable[..., Queue]]:
    made: list[Queue] = []

    def make(*workers: Any, **options: Any) -> Queue:
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


@pytest.fixture
def start(make_queue: Callable[..., Queue], tmp_path: Path) -> Iterator[Any]:
    """Starts worker processes on this test's database, with tables that show what they did."""
    queue = make_queue()
    with queue.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS runs, effects")
        connection.exec_driver_sql(
            "CREATE TABLE runs (id bigserial PRIMARY KEY, job bigint, lease bigint, pid int)"
        )
        connection.exec_driver_sql("CREATE TABLE effects (id bigserial PRIMARY KEY, job bigint)")
    with programs(queue, tmp_path) as starter:
        yield starter
