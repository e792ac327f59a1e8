"""Whether the database has what a request needs: the tables, and somebody who works."""

from sqlalchemy import Connection, text

from queue_core import control

# One of each schema; whoever has them has the rest, because each is made in one transaction.
TABLES = ("payments", "queue.jobs")

_EXISTS = text("SELECT to_regclass(:name) IS NOT NULL")


def missing_tables(connection: Connection) -> list[str]:
    return [name for name in TABLES if not connection.execute(_EXISTS, {"name": name}).scalar_one()]


def has_live_worker(connection: Connection) -> bool:
    return any(row["alive"] for row in control.list_workers(connection))
