"""Connections are looked at before they are handed out, without asking the server each time.

A server that restarts or ends a session says so on the socket, and an idle session has nothing
else to say: so a socket with nothing to read is taken for good. Only one that has something to
read, or that was idle for so long that something between us may have dropped it silently, is asked.
A question each time costs as much as a statement of the job's own.

What that gives up: a session that is being ended at this very moment, and has not said so yet, is
handed out and fails at its first statement, as one fails that is ended a moment later. Jobs are
tried again, and requests that touch money carry a key.
"""

import select
from typing import Any

import psycopg
import sqlalchemy
from sqlalchemy import event, exc, pool

from queue_core import clock

# Below the idle time-outs of firewalls and proxies; the shortest in common use is a minute.
SILENT_AFTER_S = 30.0
_USED_AT = "queue_core.used_at"


def checked(engine: sqlalchemy.Engine) -> sqlalchemy.Engine:
    """The engine, whose connections are checked so. Instead of ``pool_pre_ping``."""
    event.listen(engine, "checkin", _note)
    event.listen(engine, "checkout", _check)
    return engine


def _note(_connection: object, record: pool.ConnectionPoolEntry) -> None:
    record.info[_USED_AT] = clock.boottime_s()


def _check(
    connection: psycopg.Connection[Any], record: pool.ConnectionPoolEntry, _fairy: object
) -> None:
    used_at_s = record.info.get(_USED_AT)
    if used_at_s is None:
        return  # Just opened.
    if clock.boottime_s() - used_at_s < SILENT_AFTER_S and not _has_something_to_say(connection):
        return
    try:
        _ask(connection)
    except psycopg.Error as error:
        # Whatever ended this one has probably ended the others: all are opened again when needed.
        raise exc.InvalidatePoolError(str(error)) from error


def _has_something_to_say(connection: psycopg.Connection[Any]) -> bool:
    try:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return bool(poll.poll(0))
    except psycopg.Error:
        return True  # Closed on our side.


def _ask(connection: psycopg.Connection[Any]) -> None:
    connection.execute("SELECT")
    connection.rollback()
