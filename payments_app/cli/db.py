"""``flask db``: bring a database to the schema that this code needs, and say where it is.

Business tables are migrated by Alembic; the queue installs and upgrades its own schema. Both happen
under one advisory lock, so that several starters at once (containers, `make run` beside a test)
upgrade once and in order, and the others find nothing left to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.runtime.migration import MigrationContext
from flask import current_app
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from payments_app.config import ConfigError
from payments_app.db import (
    Database,
    DatabaseUnavailable,
    check_answers,
    explain_unavailable,
    make_engine,
)
from payments_app.embedded_postgres import EmbeddedPostgresError

MIGRATIONS = Path(__file__).parent.parent / "migrations"
# Any fixed number serves, as long as nothing else in this database uses it.
UPGRADE_LOCK = 7_236_154_001


@click.group("db")
def group() -> None:
    """The database's schema."""


@group.command("upgrade")
def upgrade_command() -> None:
    """Bring the schema of the business and of the queue up to date."""
    with explained():
        upgrade(database().url)
    click.echo("The schema is up to date.")


@group.command("current")
def current_command() -> None:
    """Show which migration the database is at, and which one this code needs."""
    with explained(), database().engine.connect() as connection:
        click.echo(f"database {revision(connection) or 'empty'}, code {newest_revision()}")


def upgrade(url: str) -> None:
    """Migrate the business tables and the queue's; safe when several do it at once."""
    check_answers(url)
    engine = make_engine(url, application_name="payments-app upgrade")
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": UPGRADE_LOCK})
            connection.commit()  # The lock is the session's; no transaction waits open for Alembic.
            with connection.begin():
                command.upgrade(_alembic(connection), "head")
            _install_queue(url)
    finally:
        engine.dispose()  # Ends the session, and with it the lock.


def revision(connection: Connection) -> str | None:
    """The migration that the database is at; None before the first."""
    return MigrationContext.configure(connection).get_current_revision()


def newest_revision() -> str | None:
    """The migration that this code needs."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def database() -> Database:
    """The database of the running command."""
    found: Database = current_app.extensions["database"]
    return found


def refuse_empty() -> None:
    """Stop a command that would only wait for tables; a newer schema is its own code's affair."""
    with database().engine.connect() as connection:
        if revision(connection) is None:
            raise click.ClickException(_other_schema(None, newest_revision()))


@contextmanager
def explained() -> Iterator[None]:
    """Show what a person can put right as one message; anything else keeps its traceback."""
    try:
        yield
    except (ConfigError, DatabaseUnavailable, EmbeddedPostgresError) as error:
        raise click.ClickException(str(error)) from None
    except OperationalError as error:
        if not error.connection_invalidated and getattr(error.orig, "sqlstate", None) is not None:
            raise  # The server answered: this is no matter of reaching it.
        raise click.ClickException(unavailable(error)) from None
    except ProgrammingError:
        # A table or column that is missing is the schema's fault only while the schema is behind.
        with database().engine.connect() as connection:
            found, needed = revision(connection), newest_revision()
        if found == needed:
            raise
        raise click.ClickException(_other_schema(found, needed)) from None


def unavailable(error: OperationalError) -> str:
    """The sentence for a database that does not answer: host, port and what to do."""
    return explain_unavailable(database().url, error)


def _other_schema(found: str | None, needed: str | None) -> str:
    state = f"is at schema {found}, and this code needs {needed}" if found else "is empty"
    return (
        f"The database {state}. Run `flask db upgrade` (or `make run`, which does it), or name the"
        " database that you mean by DATA_DIR or DATABASE_URL."
    )


def _install_queue(url: str) -> None:
    """The queue's own tables, and a row for each queue that the jobs name."""
    from payments_app.jobs import QUEUES
    from queue_core import Queue

    queue = Queue(url, queues=QUEUES)
    try:
        queue.install()
    finally:
        queue.engine.dispose()


def _alembic(connection: Connection) -> AlembicConfig:
    config = AlembicConfig()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
