"""The leader's vacuum of the hot table: after churn, not in vain, and not where it may not."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from queue_core import Queue, telemetry
from queue_core.runtime import connect
from queue_core.runtime.vacuum import CHURN_MIN, Vacuum
from queue_core.store import Store
from tests.queue_core.support import execute


@pytest.fixture
def store(queue: Queue) -> Iterator[Store]:
    connection = connect.connect(queue.database_url, "vacuum")
    yield Store(connection, queue.schema)
    connection.close()


@pytest.fixture
def heard() -> Iterator[list[telemetry.Event]]:
    events: list[telemetry.Event] = []
    detach = telemetry.attach(events.append)
    yield events
    detach()


def churn(queue: Queue) -> None:
    """Writes and removes more rows than the vacuum waits for, and lets the statistics know."""
    dsn = connect.plain_url(queue.database_url)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO queue.jobs (state, queue, kind)"
            " SELECT 'available', 'default', 'note' FROM generate_series(1, %s)",
            (CHURN_MIN + 500,),
        )
        connection.execute("DELETE FROM queue.jobs")
        connection.execute("SELECT pg_stat_force_next_flush()")
        connection.execute("SELECT 1")


@contextmanager
def report(queue: Queue) -> Iterator[None]:
    """A snapshot that stays, as a backup's does."""
    with psycopg.connect(connect.plain_url(queue.database_url)) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT count(*) FROM queue.jobs")
        yield


def dead_after(heard: list[telemetry.Event]) -> list[float]:
    return [one.measurements["dead_after"] for one in heard if one.name == "vacuum.done"]


def test_churn_is_vacuumed_and_a_quiet_table_is_left_alone(
    queue: Queue, store: Store, heard: list[telemetry.Event]
) -> None:
    vacuum = Vacuum()
    vacuum.tick(store)  # Takes in what earlier tests left.
    heard.clear()
    churn(queue)

    vacuum.tick(store)
    vacuum.tick(store)

    assert dead_after(heard) == [0]


def test_it_pauses_while_an_old_snapshot_keeps_the_dead_alive(
    queue: Queue, store: Store, heard: list[telemetry.Event]
) -> None:
    vacuum = Vacuum()
    vacuum.tick(store)
    heard.clear()
    with report(queue):
        churn(queue)
        vacuum.tick(store)  # In vain, and so it learns that the horizon stands still.
        churn(queue)
        vacuum.tick(store)
        vacuum.tick(store)
        kept = dead_after(heard)
    vacuum.tick(store)

    assert len(kept) == 1
    assert kept[0] > CHURN_MIN
    assert dead_after(heard)[1:] == [0]


def test_a_role_that_may_not_says_so_once_and_goes_on(
    queue: Queue, store: Store, heard: list[telemetry.Event]
) -> None:
    role = "queue_no_vacuum_" + queue.engine.url.database.lower().replace("-", "_")[-30:]
    execute(queue, f"CREATE ROLE {role}")
    try:
        execute(queue, f"GRANT USAGE ON SCHEMA queue TO {role}")
        execute(queue, f"GRANT ALL ON ALL TABLES IN SCHEMA queue TO {role}")
        if queue.engine.dialect.server_version_info >= (17,):
            execute(queue, f"REVOKE MAINTAIN ON ALL TABLES IN SCHEMA queue FROM {role}")
        churn(queue)
        assert isinstance(store.connection, psycopg.Connection)
        store.connection.execute(f"SET ROLE {role}".encode())
        vacuum = Vacuum()

        vacuum.tick(store)
        vacuum.tick(store)
    finally:
        store.connection.close()
        execute(queue, f"DROP OWNED BY {role}")
        execute(queue, f"DROP ROLE {role}")

    assert [one.name for one in heard] == ["vacuum.refused"]
