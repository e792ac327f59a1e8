"""Looks at everything that makes a queue slow or still, and says what to do about it.

Nothing here changes anything or takes a lock that others wait for; a sick queue is exactly where
it must be able to run. When the tables are not of this version, that is the only finding: the
other questions could not be asked.
"""

from collections.abc import Callable, Iterator
from functools import partial

import sqlalchemy

from queue_core import clock
from queue_core import schema as schemas
from queue_core.doctor import server, tables, work
from queue_core.doctor.finding import Finding, Limits
from queue_core.errors import SchemaMismatch
from queue_core.store import DEFAULT_SCHEMA, Store

__all__ = ["Finding", "Limits", "examine"]


def examine(
    connection: sqlalchemy.Connection,
    *,
    schema: str = DEFAULT_SCHEMA,
    limits: Limits | None = None,
    wall_s: Callable[[], float] = clock.wall_s,
) -> list[Finding]:
    """All findings, the well ones included; `any(one.wrong for one in …)` is the verdict."""
    mismatch = _schema(connection, schema)
    if mismatch.wrong:
        return [mismatch]
    store, bounds = Store(connection, schema), limits or Limits()
    checks: list[Callable[[Store, Limits], Iterator[Finding]]] = [
        *(work.leader, work.queues, work.kinds, work.abandoned),
        *(tables.hot_table, tables.indexes, tables.snapshots, tables.partitions, tables.stray_rows),
        *(server.connections, server.pooler, partial(server.clocks, wall_s=wall_s)),
    ]
    return [mismatch, *(finding for check in checks for finding in check(store, bounds))]


def _schema(connection: sqlalchemy.Connection, name: str) -> Finding:
    try:
        schemas.verify(connection, name)
    except SchemaMismatch as error:
        advice = "Workers refuse to start until code and tables have the same version."
        return Finding("schema", wrong=True, message=str(error), advice=advice)
    return Finding("schema", wrong=False, message=f"version {schemas.version()}")
