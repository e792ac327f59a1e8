"""Lists by number of page, for people: they want to see how many there are and go to the end."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

T = TypeVar("T")

PAGE_SIZE = 25
# Beyond it a page number is a typing mistake, and an offset of that size a waste.
PAGE_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Numbered(Generic[T]):
    """One page of rows, and where it lies in the whole list."""

    rows: list[T]
    number: int
    total: int
    size: int = PAGE_SIZE

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def first(self) -> int:
        return (self.number - 1) * self.size + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.rows else 0


def numbered(
    session: Session,
    statement: Select[Any],
    number: int,
    make: Any,  # noqa: ANN401
    *,
    size: int = PAGE_SIZE,
) -> Numbered[Any]:
    """Page ``number`` (from 1) of an ordered statement; ``make`` turns a row into a plain value.

    ``size``: a download asks for one page as long as a file may be.
    """
    page = min(max(number, 1), PAGE_MAX)
    counted = select(func.count()).select_from(statement.order_by(None).subquery())
    total = session.scalar(counted) or 0
    page = min(page, max(1, -(-total // size)))
    found = session.execute(statement.limit(size).offset((page - 1) * size))
    return Numbered([make(row) for row in found], page, total, size)
