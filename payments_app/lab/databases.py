"""A database for each run, cloned from a template on the server that the business uses.

Another database is as far from the business data as one server allows: no statement of a run can
name a table of it. The template is made once for each state of the schema and kept, so a run has
its database within some tens of milliseconds. Where the server refuses to make databases, there
are only recorded runs, and the reason is said.
"""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from payments_app.lab.processes import APP, PACKAGE

PREFIX = "lab_run_"
KEEP_FOR_S = 24 * 3600.0
TEMPLATE_PREFIX = "lab_template_"
# Any fixed number: two makers of one template wait for each other.
TEMPLATE_LOCK = 7_236_154_911
ROOT = PACKAGE.parent
SCHEMA_FILES = (
    *sorted((PACKAGE / "migrations" / "versions").glob("*.*")),
    *sorted((ROOT / "queue_core" / "sql" / "schema").glob("*.sql")),
)


class NoDatabases(Exception):
    """The server makes no databases for us. The message says why, and what it would take."""


class Databases:
    """Makes and drops the databases of runs, next to the one that ``server_url`` names."""

    def __init__(self, server_url: str) -> None:
        self._url = server_url

    def why_not(self) -> str | None:
        """Why no database can be made here; None when one can."""
        try:
            with self._connection() as connection:
                row = connection.execute(
                    "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
                ).fetchone()
        except psycopg.OperationalError as error:
            return f"The database server does not answer: {str(error).strip().splitlines()[0]}"
        if row is not None and row[0]:
            return None
        return (
            "The database user may not make databases, and each run has one of its own."
            " ALTER ROLE … CREATEDB would allow it."
        )

    def now(self) -> datetime:
        """The server's clock: the only one that is asked when a run was."""
        with self._connection() as connection:
            row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row is not None
        moment: datetime = row[0]
        return moment.astimezone(UTC)

    def template(self) -> str:
        """The name of the template for the schema as it is in this code; made if need be."""
        name = f"{TEMPLATE_PREFIX}{_fingerprint()}"
        with self._connection() as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", (TEMPLATE_LOCK,))
            if not _exists(connection, name):
                self._make_template(connection, name)
        return name

    @contextmanager
    def clone(self, run_id: str) -> Iterator[str]:
        """The address of a new database with the whole schema and no rows; dropped at the end."""
        # The time is in the name, because a database does not know when it was made.
        name = f"{PREFIX}{int(self.now().timestamp())}_{run_id.removeprefix('run_')}"
        template = self.template()
        with self._connection() as connection:
            make = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            connection.execute(make.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield self._address(name)
        finally:
            self._drop(name)

    def clean(self) -> list[str]:
        """Drop databases older than a day, which no run can need any more; their names."""
        before_s = self.now().timestamp() - KEEP_FOR_S
        with self._connection() as connection:
            found = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", (PREFIX,)
            ).fetchall()
        old = [name for (name,) in found if _made_at_s(name) < before_s]
        for name in old:
            self._drop(name)
        return old

    def _make_template(self, connection: psycopg.Connection, name: str) -> None:
        draft = f"{name}_draft"
        connection.execute(_drop_statement(draft))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(draft)))
        command = [sys.executable, "-m", "flask", "--app", APP, "db", "upgrade"]
        env = {
            **os.environ,
            "DATABASE_URL": self._address(draft),
            "APP_ENV": "test",
            "FLASK_SKIP_DOTENV": "1",
        }
        subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
        rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        connection.execute(rename.format(sql.Identifier(draft), sql.Identifier(name)))
        self._drop_other_templates(connection, name)

    def _drop_other_templates(self, connection: psycopg.Connection, kept: str) -> None:
        found = connection.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND datname <> %s",
            (TEMPLATE_PREFIX, kept),
        ).fetchall()
        for (name,) in found:
            # In use by a lab of another version: it keeps its own.
            with suppress(psycopg.errors.ObjectInUse):
                connection.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))

    def _drop(self, name: str) -> None:
        with self._connection() as connection:
            connection.execute(_drop_statement(name))

    def _connection(self) -> "psycopg.Connection":
        plain = self._url.replace("postgresql+psycopg://", "postgresql://", 1)
        return psycopg.connect(plain, autocommit=True, connect_timeout=10)

    def _address(self, name: str) -> str:
        return make_url(self._url).set(database=name).render_as_string(hide_password=False)


def _exists(connection: psycopg.Connection, name: str) -> bool:
    found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
    return found.fetchone() is not None


def _drop_statement(name: str) -> sql.Composed:
    return sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))


def _made_at_s(name: str) -> float:
    stamp = name.removeprefix(PREFIX).partition("_")[0]
    return float(stamp) if stamp.isdecimal() else 0.0


def _fingerprint() -> str:
    seen = hashlib.sha256()
    for path in SCHEMA_FILES:
        if path.is_file():
            seen.update(path.name.encode() + path.read_bytes())
    return seen.hexdigest()[:12]
