"""The one transaction of a request: opened here, committed or rolled back here, nowhere below."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from flask import current_app, g
from sqlalchemy import text
from sqlalchemy.orm import Session

from payments_app import clock
from payments_app.db import Database
from payments_app.services import actor

# Longer than any honest wait for another request's row, shorter than a client's patience.
LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 10_000

_BOUND = text(
    "SELECT set_config('lock_timeout', :lock_ms, true),"
    " set_config('statement_timeout', :statement_ms, true)"
)


@contextmanager
def transaction() -> Iterator[tuple[Session, datetime]]:
    """A session that commits at the end, in which ``g.actor`` acts, and the time it has."""
    database: Database = current_app.extensions["database"]
    lock_ms = current_app.config.get("API_LOCK_TIMEOUT_MS", LOCK_TIMEOUT_MS)
    with database.sessions.begin() as session:
        # Said, not assumed: the idempotency look-up and the queue's unique jobs rely on it.
        session.connection(execution_options={"isolation_level": "READ COMMITTED"})
        session.execute(
            _BOUND, {"lock_ms": str(lock_ms), "statement_ms": str(STATEMENT_TIMEOUT_MS)}
        )
        actor.act_as(session, g.actor, request_id=g.request_id)
        yield session, clock.now(session)
