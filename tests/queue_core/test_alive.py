"""A pooled connection is looked at before it is used, and asked only when there is a doubt."""

from collections.abc import Iterator
from datetime import datetime

import pytest
import sqlalchemy
from sqlalchemy import text

from queue_core import alive, clock


@pytest.fixture
def engine(queue_url: str) -> Iterator[sqlalchemy.Engine]:
    made = alive.checked(sqlalchemy.create_engine(queue_url, pool_size=3))
    yield made
    made.dispose()


def last_asked_at(url: str, pid: int) -> datetime:
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        found: datetime = connection.execute(
            text("SELECT query_start FROM pg_stat_activity WHERE pid = :pid"), {"pid": pid}
        ).scalar_one()
    engine.dispose()
    return found


def backend(connection: sqlalchemy.Connection) -> int:
    return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def test_sessions_that_the_server_ended_are_replaced_before_anybody_uses_them(engine, queue_url):
    with engine.connect() as one, engine.connect() as two, engine.connect() as three:
        ended = [backend(each) for each in (one, two, three)]
    killer = sqlalchemy.create_engine(queue_url)
    with killer.connect() as connection:
        connection.execute(
            text("SELECT pg_terminate_backend(pid, 5000) FROM unnest(CAST(:pids AS int[])) AS pid"),
            {"pids": ended},
        )
    killer.dispose()

    with engine.connect() as one, engine.connect() as two, engine.connect() as three:
        opened = [backend(each) for each in (one, two, three)]

    assert not set(opened) & set(ended)


def test_a_connection_that_has_nothing_to_say_is_handed_out_without_a_question(engine, queue_url):
    with engine.connect() as connection:
        pid = backend(connection)
    before = last_asked_at(queue_url, pid)

    with engine.connect():
        assert last_asked_at(queue_url, pid) == before


def test_a_connection_that_was_idle_for_long_is_asked(engine, queue_url, monkeypatch):
    with engine.connect() as connection:
        pid = backend(connection)
    before = last_asked_at(queue_url, pid)
    later_s = clock.boottime_s() + alive.SILENT_AFTER_S + 1
    monkeypatch.setattr(clock, "boottime_s", lambda: later_s)

    with engine.connect():
        assert last_asked_at(queue_url, pid) > before
