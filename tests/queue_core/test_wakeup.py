"""Who inserts wakes the workers: after the commit, on few connections, whatever it inserts with."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
import sqlalchemy
from sqlalchemy.orm import Session

import queue_core
from queue_core import Queue, lines, wakeup
from queue_core.runtime import connect
from tests.queue_core.support import Note
from tests.support.waiting import wait_until


def say(engine: sqlalchemy.Engine, payload: str) -> None:
    said = lines.Lines()
    said.say(engine, wakeup.channel("queue"), payload)
    said.close_idle(float("inf"))


@pytest.fixture
def heard(queue: Queue) -> Iterator[Callable[[], list[str]]]:
    """What was said until a mark that the function itself sends."""
    wakeup.rest()  # The thread may still be waiting for a server of an earlier test.
    with psycopg.connect(connect.plain_url(queue.database_url), autocommit=True) as connection:
        connection.execute(f"LISTEN {wakeup.channel('queue')}".encode())

        def until_mark() -> list[str]:
            say(queue.engine, "mark")
            said: list[str] = []
            for notice in connection.notifies(timeout=10):
                if notice.payload == "mark":
                    break
                said.append(notice.payload)
            return said

        yield until_mark


def insert_in_a_session(queue: Queue) -> None:
    with Session(queue.engine) as session:
        queue.insert(session, Note("x"))
        session.commit()


def insert_before_a_savepoint_that_fails(queue: Queue) -> None:
    with Session(queue.engine) as session:
        queue.insert(session, Note("x"))
        session.begin_nested().rollback()
        session.commit()


def insert_on_a_connection(queue: Queue) -> None:
    with queue.engine.begin() as connection:
        queue.insert(connection, Note("x"))


def insert_on_an_autocommit_connection(queue: Queue) -> None:
    with queue.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        queue.insert(connection, Note("x"))


@pytest.mark.parametrize(
    "insert",
    [
        insert_in_a_session,
        insert_before_a_savepoint_that_fails,
        insert_on_a_connection,
        insert_on_an_autocommit_connection,
    ],
)
def test_a_committed_insert_is_announced(
    queue: Queue, heard: Callable[[], list[str]], insert: Callable[[Queue], None]
) -> None:
    def is_told() -> bool:
        # Again and again: a server without a free connection costs a wake-up, by design.
        insert(queue)
        return "default" in heard()

    wait_until(is_told)


def test_what_was_rolled_back_is_not_announced(
    queue: Queue, heard: Callable[[], list[str]]
) -> None:
    with Session(queue.engine) as session:
        queue.insert(session, Note("x"), queue="other")
        session.rollback()
        with session.begin_nested():
            queue.insert(session, Note("x"), queue="other")
        session.rollback()
    insert_in_a_session(queue)

    said: list[str] = []

    def is_told() -> bool:
        said.extend(heard())
        return "default" in said

    wait_until(is_told)

    assert "other" not in ",".join(said)


@contextmanager
def a_new_engine(url: str) -> Iterator[sqlalchemy.Engine]:
    engine = sqlalchemy.create_engine(url)
    yield engine
    engine.dispose()


def test_an_engine_per_call_runs_the_server_out_of_nothing(queue: Queue) -> None:
    said = lines.Lines()
    for _ in range(lines.LINES_MAX + 3):
        with a_new_engine(queue.database_url) as engine:
            said.say(engine, wakeup.channel("queue"), "default")

    assert len(said) == lines.LINES_MAX
    wait_until(lambda: open_lines(queue) == lines.LINES_MAX)
    said.close_idle(float("inf"))
    wait_until(lambda: open_lines(queue) == 0)


def open_lines(queue: Queue) -> object:
    with queue.engine.connect() as connection:
        return connection.exec_driver_sql(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND query ~ 'pg_notify'"
            " AND pid <> pg_backend_pid()"
        ).scalar_one()


def test_a_caller_keeps_its_one_connection(queue: Queue) -> None:
    used = set()
    for _ in range(3):
        with Session(queue.engine) as session:
            queue_core.insert(session, Note("x"))
            used.add(session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
            session.commit()
        say(queue.engine, "default")

    assert len(used) == 1


def is_at_work() -> bool:
    return any(thread.name == "queue-wakeup" for thread in threading.enumerate())


def test_the_thread_has_said_all_and_is_gone_before_a_fork(
    queue: Queue, heard: Callable[[], list[str]]
) -> None:
    """`insert`, then `run` in one process: the fork met it in the middle of connecting."""
    for insert in (insert_on_a_connection, insert_in_a_session):
        insert(queue)

        wakeup.rest()

        assert not is_at_work()
        assert set(heard()) == {"default"}
