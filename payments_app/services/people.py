"""Who works here: the people of a business, what each may do, and letting somebody in no more.

A business without an owner could never get one again, so its last owner is kept: whoever takes an
owner away first locks all owners, or two owners who remove each other at the same moment would both
be gone. Nobody is deleted, because the log of moves names people; a disabled one comes in no more.
"""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from payments_app.domain.access import Role, User, UserSession
from payments_app.domain.errors import DomainError, NotFound


class LastOwner(DomainError):
    """Without this person, nobody could change the settings any more."""

    code = "last_owner"


def everybody(session: Session) -> list[User]:
    """Every account, by name."""
    return list(session.scalars(select(User).order_by(User.name, User.id)))


def find(session: Session, user: str) -> User:
    """By id or e-mail address. Raises NotFound."""
    found = session.scalar(
        select(User).where((User.id == user) | (User.email == user.strip().lower()))
    )
    if found is None:
        raise NotFound("user", user)
    return found


def change_role(session: Session, user: User, role: Role) -> None:
    """What somebody may do, from the next page on. Raises LastOwner."""
    if role is not Role.OWNER:
        _keep_an_owner(session, user)
    user.role = role
    session.flush()


def disable(session: Session, user: User, *, now: datetime) -> None:
    """Let somebody in no more, and end every session. Raises LastOwner."""
    _keep_an_owner(session, user)
    if user.disabled_at is None:
        user.disabled_at = now
    session.execute(delete(UserSession).where(UserSession.user_id == user.id))
    session.flush()


def enable(session: Session, user: User) -> None:
    """Let somebody in again, with the password that they had."""
    user.disabled_at = None
    session.flush()


def _keep_an_owner(session: Session, leaving: User) -> None:
    owners = session.scalars(
        select(User.id)
        .where(User.role == Role.OWNER, User.disabled_at.is_(None))
        .order_by(User.id)
        .with_for_update()
    ).all()
    if list(owners) == [leaving.id]:
        raise LastOwner("This is the last owner. Make somebody else an owner first.")
