"""Who may come in: users with roles, their browser sessions, and API keys.

Passwords are argon2 hashes; session tokens and API keys are random and only their SHA-256 is
stored, so that a copy of the database opens no door.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from payments_app.domain.base import Base, created_at, prefixed_id, states

# What staff may give back of one payment, in major units of any currency; above it, an owner acts.
STAFF_REFUND_MAX = 200


class Role(StrEnum):
    OWNER = "owner"
    STAFF = "staff"
    OPERATOR = "operator"
    VIEWER = "viewer"


class User(Base):
    """Somebody who signs in."""

    __tablename__ = "users"

    id: Mapped[str] = prefixed_id("usr")
    email: Mapped[str] = mapped_column(unique=True)  # stored lower case
    name: Mapped[str]
    role: Mapped[Role] = mapped_column(states(Role))
    password_hash: Mapped[str]
    failed_logins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = created_at()
    disabled_at: Mapped[datetime | None]


class UserSession(Base):
    """A signed-in browser. ``token_hash`` is the SHA-256 (hex) of the cookie's random value."""

    __tablename__ = "user_sessions"

    token_hash: Mapped[str] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = created_at()
    expires_at: Mapped[datetime]

    user: Mapped[User] = relationship(lazy="joined")


class ApiKey(Base):
    """A bearer key of the JSON API, shown once when made. ``prefix`` is its visible beginning."""

    __tablename__ = "api_keys"

    id: Mapped[str] = prefixed_id("key")
    name: Mapped[str]
    prefix: Mapped[str]
    key_hash: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[datetime] = created_at()
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
