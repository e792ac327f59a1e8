"""Forcing an interleaving: go on when another transaction really waits for a lock."""

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from tests.support.waiting import wait_until

_WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def wait_for_a_lock(sessions: sessionmaker[Session]) -> None:
    """Return when exactly one transaction of this database waits for another."""
    wait_until(lambda: _waiting(sessions) == 1, what="a transaction waits for a lock")


def _waiting(sessions: sessionmaker[Session]) -> int:
    # A transaction each time: within one, pg_stat_activity does not change.
    with sessions.begin() as session:
        return int(session.execute(_WAITING).scalar_one())
