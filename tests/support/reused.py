"""One database per test process, emptied between tests: ten times cheaper than a clone each.

Whoever is still connected is thrown out, every row is deleted (the append-only triggers set aside
for that), and the rows that a new database has are put back. A test that has changed the schema
leaves another fingerprint, and the next test gets a new clone.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
from psycopg import sql
from sqlalchemy import Engine

from payments_app.db import make_engine
from tests.support import databases

# What a migrated database holds before anything has happened; never deleted.
LASTING = frozenset({"public.alembic_version", "public.legal_moves", "queue.schema_version"})
# Rows that migrations and the queue's installer write, and tests change.
FIRST_ROWS = ("public.number_series", "queue.queues")

_TABLES = """
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('public', 'queue') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY 1
"""
_FINGERPRINT = """
SELECT md5(string_agg(line, ';' ORDER BY line)) FROM (
    SELECT concat_ws(' ', c.oid, c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull) AS line
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace IN ('public'::regnamespace, 'queue'::regnamespace)
      AND c.relkind IN ('r', 'p', 'v', 'i') AND NOT c.relispartition AND a.attnum > 0
    UNION ALL SELECT concat_ws(' ', t.tgname, t.tgenabled, t.tgrelid) FROM pg_trigger t
    WHERE NOT t.tgisinternal
    UNION ALL SELECT concat_ws(' ', k.conname, pg_get_constraintdef(k.oid)) FROM pg_constraint k
    WHERE k.connamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', p.proname, md5(p.prosrc)) FROM pg_proc p
    WHERE p.pronamespace IN ('public'::regnamespace, 'queue'::regnamespace)
) AS lines
"""
_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_SEQUENCES = """
SELECT format('%I.%I', schemaname, sequencename) FROM pg_sequences
WHERE schemaname IN ('public', 'queue')
"""


class ReusedDatabase:
    """``take()`` gives the address of a database without any rows of earlier tests."""

    def __init__(self, admin_url: str, template: str) -> None:
        self._admin_url = admin_url
        self._template = template
        self._stack = ExitStack()
        self._url = ""
        self._fingerprint = ""
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """One engine for all tests on this database: what it has compiled serves the next, too."""
        if self._engine is None:
            self._engine = make_engine(self._url)
        return self._engine

    def take(self) -> str:
        if not self._url or not self._emptied():
            self._clone()
        return self._url

    def close(self) -> None:
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None
        self._stack.close()

    def _clone(self) -> None:
        self.close()
        self._url = self._stack.enter_context(
            databases.database(self._admin_url, template=self._template)
        )
        with self._connect() as connection:
            for table in FIRST_ROWS:
                connection.execute(_sql(f"CREATE TABLE {_kept(table)} AS TABLE {table}"))
            self._fingerprint = _one(connection, _FINGERPRINT)

    def _emptied(self) -> bool:
        if self._engine is not None:
            self._engine.dispose()
        try:
            with self._connect() as connection:
                connection.execute(_sql(_END_OTHERS))
                if _one(connection, _FINGERPRINT) != self._fingerprint:
                    return False
                self._empty(connection)
        except psycopg.Error:
            return False  # Dropped, locked or broken on purpose: a new one is always right.
        return True

    def _empty(self, connection: "psycopg.Connection[tuple[str, ...]]") -> None:
        tables = [row[0] for row in connection.execute(_sql(_TABLES))]
        sequences = [row[0] for row in connection.execute(_sql(_SEQUENCES))]
        statements = ["SET lock_timeout = '5s'", "SET session_replication_role = replica"]
        statements += [f"DELETE FROM {table}" for table in tables if _is_emptied(table)]
        statements += [f"INSERT INTO {table} TABLE {_kept(table)}" for table in FIRST_ROWS]
        statements += [f"ALTER SEQUENCE {sequence} RESTART" for sequence in sequences]
        with connection.transaction():
            connection.execute(_sql("; ".join(statements)))

    def _connect(self) -> "psycopg.Connection[tuple[str, ...]]":
        dsn = self._url.replace("postgresql+psycopg://", "postgresql://", 1)
        return psycopg.connect(dsn, autocommit=True, connect_timeout=10)


def reused(admin_url: str, template: str) -> Iterator[ReusedDatabase]:
    database = ReusedDatabase(admin_url, template)
    yield database
    database.close()


def _kept(table: str) -> str:
    return f"public.first_rows_of_{table.partition('.')[2]}"


def _is_emptied(table: str) -> bool:
    return table not in LASTING and "first_rows_of_" not in table


def _one(connection: "psycopg.Connection[tuple[str, ...]]", query: str) -> str:
    row = connection.execute(_sql(query)).fetchone()
    assert row is not None
    return row[0]


def _sql(text: str) -> sql.SQL:
    return sql.SQL(text)  # our own text, put together from table names
