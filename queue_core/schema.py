"""Installs and checks the queue's own tables, apart from the application's migrations.

Every file of sql/schema/ is one version, run in order, once, in the caller's transaction when a
connection is given, under an advisory lock: any number of processes may install at the same time.
A worker that meets tables older or newer than its code refuses to start, instead of finding out
with a job in its hands.
"""

import re
from pathlib import Path

import sqlalchemy

from queue_core.errors import SchemaMismatch
from queue_core.store import DEFAULT_SCHEMA, SQL_FOLDER, Store, check_schema


def files() -> list[tuple[int, Path]]:
    found = [(int(path.name[:4]), path) for path in (SQL_FOLDER / "schema").glob("[0-9]*.sql")]
    return sorted(found)


def version() -> int:
    """The version that this code needs."""
    return files()[-1][0]


def install(target: sqlalchemy.Engine | sqlalchemy.Connection, schema: str = DEFAULT_SCHEMA) -> int:
    """Creates or upgrades the tables; returns how many versions were applied."""
    check_schema(schema)
    if isinstance(target, sqlalchemy.Engine):
        with target.begin() as connection:
            return install(connection, schema)
    target.exec_driver_sql(
        "SELECT pg_advisory_xact_lock(hashtextextended(%(name)s, 0))",
        {"name": f"queue_core.{schema}"},
    )
    target.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    installed = installed_version(target, schema)
    if installed > version():
        raise SchemaMismatch(
            f"schema {schema!r} has version {installed}, "
            f"this code knows {version()}: upgrade the code"
        )
    wanted = [path for number, path in files() if number > installed]
    for path in wanted:
        _run(target, path.read_text(encoding="utf-8").replace("{schema}", schema))
    return len(wanted)


def verify(target: sqlalchemy.Engine | sqlalchemy.Connection, schema: str = DEFAULT_SCHEMA) -> None:
    """Raises SchemaMismatch, with what to do, unless the tables are exactly of this version."""
    if isinstance(target, sqlalchemy.Engine):
        with target.connect() as connection:
            return verify(connection, schema)
    installed = installed_version(target, schema)
    if installed == 0:
        raise SchemaMismatch(
            f"schema {schema!r} has no queue tables: call queue.install() or run db upgrade"
        )
    if installed != version():
        older = "older; run the installer" if installed < version() else "newer; upgrade the code"
        raise SchemaMismatch(
            f"schema {schema!r} has version {installed}, this code needs {version()}: {older}"
        )
    return None


def installed_version(connection: sqlalchemy.Connection, schema: str) -> int:
    exists = connection.exec_driver_sql(
        "SELECT to_regclass(%(name)s) IS NOT NULL", {"name": f"{schema}.schema_version"}
    ).scalar_one()
    return (Store(connection, schema).read_version()[0]["version"] or 0) if exists else 0


def _run(connection: sqlalchemy.Connection, text: str) -> None:
    # Statement by statement, because a driver with parameters takes one at a time; dollar quotes
    # hide semicolons.
    for statement in re.split(r";\s*\n(?=(?:[^$]*\$\$[^$]*\$\$)*[^$]*\Z)", text):
        if re.sub(r"--[^\n]*", "", statement).strip():
            connection.exec_driver_sql(statement.replace("%", "%%"))
