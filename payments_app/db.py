"""How the business reaches its database: one engine per process, opened on first use.

Connections are in UTC, named in ``pg_stat_activity``, and checked before they are handed out, so
that a restart of the database costs one reconnect instead of one error per pooled connection.
Without ``DATABASE_URL`` the embedded server is started, or joined, on first use and left at the end
of the process; nothing is started by merely loading the application.
"""

import atexit
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.orm import Session, sessionmaker

from payments_app import embedded_postgres
from payments_app.config import Config
from queue_core import alive

CONNECT_TIMEOUT_S = 5
# Per process. Web threads and job threads each hold one at most; beyond that they wait in line.
POOL_SIZE = 10
POOL_OVERFLOW_MAX = 20


class DatabaseUnavailable(Exception):
    """The database does not answer. The message says where we looked and what to do."""


class Database:
    """The engine and session factory of one process. Opens nothing until it is asked for."""

    def __init__(self, config: Config, *, application_name: str = "payments-app") -> None:
        self._config = config
        self._application_name = application_name
        self._held = ExitStack()

    @cached_property
    def url(self) -> str:
        """Where the database is; starts or joins the embedded server when none is set."""
        if self._config.database_url:
            return self._config.database_url
        atexit.register(self.close)
        return self._held.enter_context(embedded_postgres.server(self._config.data_dir))

    @cached_property
    def engine(self) -> Engine:
        return make_engine(self.url, application_name=self._application_name)

    @cached_property
    def sessions(self) -> sessionmaker[Session]:
        return sessions(self.engine)

    def close(self) -> None:
        """Give back every connection, then leave the embedded server: the last one out stops it."""
        if "engine" in self.__dict__:
            self.engine.dispose()
        for name in ("engine", "sessions", "url"):
            self.__dict__.pop(name, None)
        self._held.close()


def make_engine(url: str, *, application_name: str = "payments-app") -> Engine:
    made = create_engine(
        url,
        # The one that was used last is warm: its statements are prepared, its pages are cached.
        pool_use_lifo=True,
        pool_size=POOL_SIZE,
        max_overflow=POOL_OVERFLOW_MAX,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": application_name,
            "options": "-c timezone=UTC",
        },
    )
    return alive.checked(made)


def sessions(engine: Engine) -> sessionmaker[Session]:
    """Rows stay readable after the commit: pages and answers are written from them."""
    return sessionmaker(engine, expire_on_commit=False)


@contextmanager
def answering(url: str) -> Iterator[None]:
    """Turn "cannot connect" into a message that names host and port and never the password."""
    try:
        yield
    except OperationalError as error:
        raise DatabaseUnavailable(explain_unavailable(url, error)) from None


def check_answers(url: str) -> None:
    """Raise DatabaseUnavailable unless the server takes a connection and a question."""
    try:
        engine = make_engine(url, application_name="payments-app check")
    except ArgumentError:
        raise DatabaseUnavailable(
            "DATABASE_URL cannot be read. Right would be postgresql://user:password@host:5432/name."
        ) from None
    try:
        with answering(url), engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    finally:
        engine.dispose()


def explain_unavailable(url: str, error: OperationalError) -> str:
    target = make_url(url)
    first_line = str(error.orig).strip().splitlines()[0]
    if target.password:
        # As a word: a password like "p" is no reason to hide every p of the sentence.
        password = re.escape(str(target.password))
        first_line = re.sub(rf"(?<!\w){password}(?!\w)", "…", first_line)
    return (
        f"The database does not answer at host {target.host or 'local socket'}, port"
        f" {target.port or 5432} (database {target.database or target.username}): {first_line}\n"
        "Start that server, correct DATABASE_URL, or unset it to use the embedded PostgreSQL."
    )
