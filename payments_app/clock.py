"""The business clock: the database's, read once per transaction, in aware UTC.

Edges read ``now = clock.now(session)`` and pass it down; nothing below an edge asks for the time.
Tests move the clock by the setting ``app.clock_offset_s`` (seconds), which only a test sets.
"""

import secrets
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

# For statements that go to the database anyway and bring the time along (see ``keep``).
NOW_SQL = (
    "now() + make_interval(secs => "
    "coalesce(nullif(current_setting('app.clock_offset_s', true), ''), '0')::double precision)"
)
_NOW = text(f"SELECT {NOW_SQL}")
_KEPT = "payments_app.clock"


def now(session: Session) -> datetime:
    """The time of the session's transaction, as an aware datetime in UTC."""
    transaction, moment = session.info.get(_KEPT, (None, None))
    if moment is None or transaction is not session.get_transaction():
        moment = keep(session, session.execute(_NOW).scalar_one())
    known: datetime = moment
    return known


def keep(session: Session, moment: datetime) -> datetime:
    """Remember what the database has just said: it says nothing else until the transaction ends."""
    moment = moment.astimezone(UTC)
    session.info[_KEPT] = session.get_transaction(), moment
    return moment


def new_id(prefix: str, now: datetime) -> str:
    """An id as the database function ``new_id`` makes them, for rows that refer to one another and
    are written together: UUIDv7 of this moment (RFC 9562, 5.7), with 74 random bits.
    """
    made = int(now.timestamp() * 1000) << 80 | secrets.randbits(80)
    made = made & ~(0xF << 76) | 0x7 << 76
    made = made & ~(0x3 << 62) | 0x2 << 62
    return f"{prefix}_{made:032x}"
