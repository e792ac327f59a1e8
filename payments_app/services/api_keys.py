"""Bearer keys of the JSON API: shown once when made, kept only as a SHA-256.

A fast hash is right here, other than for passwords: a key is 256 random bits, which nobody guesses,
and it is checked on every request.
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from payments_app.domain.access import ApiKey
from payments_app.domain.customer import checked_name
from payments_app.domain.errors import NotFound

# The prefix tells people, and scanners for leaked secrets, what this is.
_FORM = re.compile(r"co_[0-9a-f]{64}")
_SHOWN_LENGTH = len("co_") + 8
# Writing the time of every request would make each of them wait for the last one's row lock.
USED_AT_MOST_EVERY = timedelta(minutes=1)


def create(session: Session, name: str) -> tuple[ApiKey, str]:
    """A new key: its row, and its clear text, which exists nowhere else. Raises Invalid."""
    clear = f"co_{secrets.token_hex(32)}"
    key = ApiKey(name=checked_name(name), prefix=clear[:_SHOWN_LENGTH], key_hash=_hash(clear))
    session.add(key)
    session.flush()
    return key, clear


def authenticate(session: Session, bearer: str) -> ApiKey | None:
    """The unrevoked key whose clear text this is, noting that it is in use."""
    if not _FORM.fullmatch(bearer):
        return None
    key = session.scalars(
        select(ApiKey).where(ApiKey.key_hash == _hash(bearer), ApiKey.revoked_at.is_(None))
    ).one_or_none()
    if key is not None:
        _note_use(session, key)
    return key


def find(session: Session, key_id: str) -> ApiKey:
    """By id, or by the visible beginning of the key. Raises NotFound."""
    key = session.scalars(
        select(ApiKey).where(or_(ApiKey.id == key_id, ApiKey.prefix == key_id)).limit(1)
    ).one_or_none()
    if key is None:
        raise NotFound("API key", key_id)
    return key


def revoke(session: Session, key_id: str, *, now: datetime) -> ApiKey:
    """End a key for good; a revoked one stays as it is. Raises NotFound."""
    key = find(session, key_id)
    if key.revoked_at is None:
        key.revoked_at = now
        session.flush()
    return key


def all_keys(session: Session) -> list[ApiKey]:
    """Every key ever made, newest first."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.id.desc())))


def _note_use(session: Session, key: ApiKey) -> None:
    stale = or_(
        ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.now() - USED_AT_MOST_EVERY
    )
    fresh = select(ApiKey.id).where(ApiKey.id == key.id, stale)
    if session.scalar(fresh) is not None:
        session.execute(
            update(ApiKey)
            .where(ApiKey.id == key.id, stale)
            .values(last_used_at=func.now())
            .execution_options(synchronize_session=False)
        )


def _hash(clear: str) -> str:
    return hashlib.sha256(clear.encode()).hexdigest()
