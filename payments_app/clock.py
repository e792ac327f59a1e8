"""The business clock: the database's, read once per transaction, in aware UTC.

Edges read ``now = clock.now(session)`` and pass it down; nothing below an edge asks for the time.
Tests move the clock by the setting ``app.clock_offset_s`` (seconds), which only a test sets.
"""

from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

_NOW = text(
    "SELECT now() + make_interval(secs => "
    "coalesce(nullif(current_setting('app.clock_offset_s', true), ''), '0')::double precision)"
)


def now(session: Session) -> datetime:
    """The time of the session's transaction, as an aware datetime in UTC."""
    moment: datetime = session.execute(_NOW).scalar_one()
    return moment.astimezone(UTC)
