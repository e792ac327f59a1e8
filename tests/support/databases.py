"""Databases for tests: made by cloning a template, so that each test has one of its own.

A clone costs some 30 ms; migrating costs ten times that. The template is made once per run, under
a file lock, however many pytest-xdist workers ask for it at the same moment.
"""

import fcntl
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

RUN_ID = "PYTEST_RUN_ID"
_numbers = itertools.count(1)


def app_template_name() -> str:
    return f"test_{os.environ[RUN_ID]}_app_template"


def in_database(admin_url: str, name: str) -> str:
    """The address of another database on the same server."""
    return make_url(admin_url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def database(admin_url: str, *, template: str | None = None) -> Iterator[str]:
    """A new database, empty or cloned from ``template``; dropped at the end, users or not."""
    name = f"test_{os.environ[RUN_ID]}_{os.getpid()}_{next(_numbers)}"
    # Without fsync, copying files is a third faster than writing the copy through the log.
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
    names = (sql.Identifier(name), sql.Identifier(template or "template1"))
    execute(admin_url, create.format(*names))
    try:
        yield in_database(admin_url, name)
    finally:
        drop(admin_url, name)


def template_database(admin_url: str, name: str, *, fill: Callable[[str], None], lock: Path) -> str:
    """The name of a template that ``fill`` has filled, once for all processes of the run."""
    with lock.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if not file.read():
            execute(admin_url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            fill(in_database(admin_url, name))
            file.write("filled")
    return name


def drop(admin_url: str, name: str) -> None:
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
    execute(admin_url, statement.format(sql.Identifier(name)))


def execute(admin_url: str, statement: sql.SQL | sql.Composed) -> None:
    dsn = admin_url.replace("postgresql+psycopg://", "postgresql://", 1)
    with psycopg.connect(dsn, autocommit=True, connect_timeout=10) as connection:
        connection.execute(statement)
