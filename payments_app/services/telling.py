"""Whoever changes what others are told of asks for the telling, in the same transaction.

The trigger ``tell_others`` writes an event's deliveries and says so, as an INFO, to the connection
that caused them. It is heard here without asking the database for anything, so where nobody
listens a commit is what it was; where somebody does, it stores one job more. That job is not
unique: a twin's row would make every commit of the business wait for the one before it (decision
0011). Missing one costs a minute: the sweep finds every delivery that is due.
"""

from typing import Any

import psycopg
from psycopg.errors import Diagnostic
from sqlalchemy import Connection, event
from sqlalchemy.orm import Session, SessionTransaction

import queue_core
from payments_app.jobs import DispatchWebhooks

# Word for word what the trigger says: migrations/versions/0010_told.sql.
DUE = "webhook deliveries are due"
_HEARD = "payments_app.telling"


def _listen(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    if transaction.nested:
        return
    heard: set[str] | None = connection.info.get(_HEARD)
    if heard is None:
        heard = connection.info[_HEARD] = set()
        _hear(connection, heard)
    heard.clear()  # What a transaction said that was rolled back.
    session.info[_HEARD] = transaction, heard


def _hear(connection: Connection, heard: set[str]) -> None:
    def keep(said: Diagnostic) -> None:
        if said.message_primary == DUE:
            heard.add(DUE)

    driver: Any = connection.connection.dbapi_connection
    # Somebody else's session, in this process, on another database: nothing of ours is said there.
    if isinstance(driver, psycopg.Connection):
        driver.add_notice_handler(keep)


def _ask(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.flush()  # The commit would do it next; what it changes must be heard before.
    transaction, heard = session.info.get(_HEARD, (None, ()))
    if heard and transaction is session.get_transaction():
        queue_core.insert(session, DispatchWebhooks())


# Of all sessions, also those of tests, commands and other people's workers: none can forget it.
event.listen(Session, "after_begin", _listen)
event.listen(Session, "before_commit", _ask)
