"""Where pages meet the database: one short transaction per request, opened here and nowhere else.

A read writes nothing; a write says who acts, so every row of the transition log names a person.
``g.now`` is the database's time in that transaction: what "overdue" and "2 min ago" mean on a page.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from flask import current_app, g
from sqlalchemy.orm import Session

from payments_app import clock
from payments_app.db import Database
from payments_app.domain.access import Role
from payments_app.services.actor import act_as


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, as a value: no row leaves its session."""

    id: str
    name: str
    email: str
    role: Role


def database() -> Database:
    found: Database = current_app.extensions["database"]
    return found


def person() -> Person | None:
    found: Person | None = g.get("person")
    return found


def signed_in() -> Person:
    """The person behind a route whose rule asks for one."""
    found = person()
    assert found is not None, "the guard lets nobody past a rule without signing in"
    return found


@contextmanager
def reading() -> Iterator[Session]:
    """A session whose changes, if anybody made some, are thrown away."""
    with database().sessions() as session:
        g.now = clock.now(session)
        yield session


@contextmanager
def writing(actor: str | None = None, *, reason: str | None = None) -> Iterator[Session]:
    """One transaction in the name of the signed-in person, or of ``actor`` on public pages."""
    with database().sessions.begin() as session:
        g.now = clock.now(session)
        who = actor or f"user:{signed_in().id}"
        act_as(session, who, request_id=g.get("request_id"), reason=reason)
        yield session
