"""Who may come in: users with argon2 passwords, browser sessions, and a pause after wrong guesses.

A wrong password and an unknown address take the same time and get the same answer, so nobody learns
which addresses exist. After five wrong guesses the account rests for a quarter of an hour: guessing
one password a day finds nothing. Of a session only the hash is stored: a copy of the database opens
no door.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from payments_app.domain.access import Role, User, UserSession
from payments_app.domain.customer import checked_email, checked_name
from payments_app.domain.errors import Invalid, InvalidTransition

PASSWORD_LENGTH_MIN = 8
PASSWORD_LENGTH_MAX = 200  # argon2 takes any length; a megabyte of password is an attack
FAILURES_BEFORE_LOCK = 5
LOCK_FOR = timedelta(minutes=15)
SESSION_FOR = timedelta(days=14)
# Any fixed number: two people on /setup at the same moment must not both become the first owner.
_SETUP_LOCK = 7_236_154_002

_hasher = PasswordHasher()


@dataclass(frozen=True, slots=True)
class SignedIn:
    """``token`` goes into the browser's cookie and is never stored."""

    user: User
    token: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Wrong address or password; ``locked_until`` is set while the account rests."""

    locked_until: datetime | None = None


def has_users(session: Session) -> bool:
    return session.scalar(select(User.id).limit(1)) is not None


def create_user(session: Session, *, email: str, name: str, password: str, role: Role) -> User:
    """A new user. Raises Invalid for a taken address, a bad name or a short password."""
    address = checked_email(email).lower()
    if session.scalar(select(User.id).where(User.email == address)) is not None:
        raise Invalid("email", "This address has an account already. Sign in with it.")
    user = User(
        email=address,
        name=checked_name(name),
        role=role,
        password_hash=_hasher.hash(checked_password(password)),
    )
    session.add(user)
    session.flush()
    return user


def create_first_owner(session: Session, *, email: str, name: str, password: str) -> User:
    """The owner made by the first-run page. Raises InvalidTransition once anybody exists."""
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SETUP_LOCK})
    if has_users(session):
        raise InvalidTransition("set-up", "finished", "run again")
    return create_user(session, email=email, name=name, password=password, role=Role.OWNER)


def checked_password(password: str) -> str:
    """Raises Invalid unless the password has 8 to 200 characters. Spaces count, nothing is cut."""
    if len(password) < PASSWORD_LENGTH_MIN:
        raise Invalid("password", f"Use at least {PASSWORD_LENGTH_MIN} characters.")
    if len(password) > PASSWORD_LENGTH_MAX:
        raise Invalid("password", f"Use at most {PASSWORD_LENGTH_MAX} characters.")
    return password


def sign_in(session: Session, email: str, password: str, *, now: datetime) -> SignedIn | Refused:
    """A new session, or a refusal that is counted. A value either way: the count must be kept."""
    user = session.scalar(select(User).where(User.email == email.strip().lower()).with_for_update())
    usable = user is not None and user.disabled_at is None
    stored = user.password_hash if user is not None and usable else _hash_of_nobody()
    right = _matches(stored, password[:PASSWORD_LENGTH_MAX])
    if user is None or not usable:
        return Refused()
    if user.locked_until is not None and user.locked_until > now:
        return Refused(user.locked_until)
    if not right:
        return _count_failure(user, now)
    user.failed_logins = 0
    user.locked_until = None
    return SignedIn(user, open_session(session, user, now))


def open_session(session: Session, user: User, now: datetime) -> str:
    """A signed-in browser: the token for its cookie. Only for somebody who has shown who he is."""
    # Signing in is rare enough to sweep old sessions here, and they need no job of their own.
    session.execute(delete(UserSession).where(UserSession.expires_at <= func.now()))
    token = secrets.token_urlsafe(32)
    session.add(UserSession(token_hash=_hash(token), user_id=user.id, expires_at=now + SESSION_FOR))
    session.flush()
    return token


def user_of(session: Session, token: str, *, now: datetime) -> User | None:
    """Whose session this is; None when it has ended or its user may no longer come in."""
    found = session.get(UserSession, _hash(token))
    if found is None or found.expires_at <= now or found.user.disabled_at is not None:
        return None
    return found.user


def sign_out(session: Session, token: str) -> None:
    session.execute(delete(UserSession).where(UserSession.token_hash == _hash(token)))


def set_password(session: Session, user: User, password: str) -> None:
    """A new password ends every session of the user and any pause."""
    session.execute(
        update(User)
        .where(User.id == user.id)
        .values(
            password_hash=_hasher.hash(checked_password(password)),
            failed_logins=0,
            locked_until=None,
        )
    )
    session.execute(delete(UserSession).where(UserSession.user_id == user.id))


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _hash_of_nobody() -> str:
    return _hasher.hash(secrets.token_urlsafe())


def _count_failure(user: User, now: datetime) -> Refused:
    user.failed_logins += 1
    if user.failed_logins < FAILURES_BEFORE_LOCK:
        return Refused()
    user.failed_logins = 0
    user.locked_until = now + LOCK_FOR
    return Refused(user.locked_until)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
