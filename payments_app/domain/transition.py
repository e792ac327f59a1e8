"""The append-only log of every state change, written by database triggers.

The application only says who is acting (``services.actor.act_as``); the trigger copies that from
the transaction's settings, so no code path can change a state without leaving a row.
"""

from datetime import datetime

from sqlalchemy import false
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base


class Transition(Base):
    """One change of one state: from, to, who, in which job and request, when."""

    __tablename__ = "transition_log"

    id: Mapped[int] = mapped_column(primary_key=True)
    aggregate: Mapped[str]
    aggregate_id: Mapped[str]
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    actor: Mapped[str | None]
    job_id: Mapped[int | None]
    request_id: Mapped[str | None]
    reason: Mapped[str | None]
    at: Mapped[datetime]


class LegalMove(Base):
    """The moves that the trigger accepts; a test compares them with the tables in the code.

    A retired one is accepted no more, but the log of older rows may show it.
    """

    __tablename__ = "legal_moves"

    aggregate: Mapped[str] = mapped_column(primary_key=True)
    from_state: Mapped[str] = mapped_column(primary_key=True)
    to_state: Mapped[str] = mapped_column(primary_key=True)
    retired: Mapped[bool] = mapped_column(server_default=false())
