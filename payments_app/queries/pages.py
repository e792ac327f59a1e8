"""Lists by keyset: a page begins after the last id of the page before.

Ids are UUIDv7, so their order is the order of age, and a page costs the same at any depth.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows, newest first; ``last_id`` is where the next page begins, None when this is the last."""

    rows: list[T]
    last_id: str | None


def newest_first(
    session: Session,
    statement: Select[T],
    id_column: InstrumentedAttribute[str],
    *,
    after: str | None,
    limit: int,
) -> Page[T]:
    """One page of ``statement``'s rows; one row more is read to know whether there are others."""
    if after is not None:
        statement = statement.where(id_column < after)
    rows = list(session.scalars(statement.order_by(id_column.desc()).limit(limit + 1)))
    if len(rows) <= limit:
        return Page(rows, None)
    shown = rows[:limit]
    return Page(shown, str(getattr(shown[-1], id_column.key)))
