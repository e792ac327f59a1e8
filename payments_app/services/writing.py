"""What a transaction has changed, written in one statement.

SQLAlchemy's unit of work sends a statement for each row and waits for each answer. A payment's
transactions change up to five rows whose values are all known, so they go to the server together:
data-modifying CTEs, each guarded by its row's version, with a SELECT that counts what they hit.
The triggers that guard and log states see each row as ever; foreign keys are checked at the end of
the statement, so that a row and what refers to it may come together.

For rows with an ``id`` and plain values that are written once and then let go, it keeps the promise
of ``session.flush()``: they leave the session, with the values that they have. It deletes nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Column, inspect
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import InstanceState, Mapper, Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

_DIALECT = postgresql.psycopg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own gap
Convert = Callable[[Any], Any]
Row = Any  # Of a mapped class: it has an ``id``, and a ``version`` where its mapper says so.


class Shape(NamedTuple):
    """What two statements must share to be the same text: one kind of change to one table."""

    mapper: Mapper[Any]
    is_new: bool
    keys: tuple[str, ...]


def write(session: Session) -> None:
    """Write what is new and what has changed, and let go of all rows.

    Raises StaleDataError when a row is not what it was when it was read; the others are written
    then, so the transaction must be rolled back, as after any error of a flush. Whatever a trigger
    or a constraint raises comes as from a flush.
    """
    assert not session.deleted, "rows of money are never deleted"
    rows = [*_sorted(session.dirty), *_sorted(session.new)]
    changes = [(row, shape) for row in rows if (shape := _shape_of(row)).keys]
    if changes:
        _execute(session, changes)
    session.expunge_all()


def _sorted(rows: Iterable[Any]) -> list[Any]:
    # By table, so that two transactions that change the same rows lock them in one order, and the
    # same changes make the same text.
    return sorted(rows, key=lambda row: (row.__tablename__, row.id or ""))


def _shape_of(row: Row) -> Shape:
    state: InstanceState[Any] = inspect(row)
    mapper, known = state.mapper, state.dict
    if state.persistent:
        before = state.committed_state
        changed = (key for key in _columns(mapper) if key in before and before[key] != known[key])
        return Shape(mapper, False, tuple(changed))
    given = (
        key
        for key, (column, _) in _columns(mapper).items()
        if known.get(key) is not None or (key not in known and column.default is not None)
    )
    return Shape(mapper, True, tuple(given))


def _execute(session: Session, changes: list[tuple[Row, Shape]]) -> None:
    statement = _statement(tuple(shape for _, shape in changes))
    values: dict[str, Any] = {}
    for number, (row, shape) in enumerate(changes):
        values |= {f"{key}_{number}": value for key, value in _values(row, shape)}
    hit = session.connection().exec_driver_sql(statement, values).one()
    for (row, shape), count in zip(changes, hit, strict=True):
        if count != 1:
            raise StaleDataError(f"{row.__tablename__} {row.id}: another transaction changed it")
        if not shape.is_new and shape.mapper.version_id_col is not None:
            set_committed_value(row, "version", row.version + 1)


def _values(row: Row, shape: Shape) -> Iterator[tuple[str, Any]]:
    known = inspect(row).dict
    for key in shape.keys:
        column, convert = _columns(shape.mapper)[key]
        if shape.is_new and key not in known:
            set_committed_value(row, key, _default_of(column))
        value = known[key]
        yield key, value if convert is None or value is None else convert(value)
    if not shape.is_new:
        yield "id", row.id
        if shape.mapper.version_id_col is not None:
            yield "version", row.version


@cache
def _statement(shapes: tuple[Shape, ...]) -> str:
    parts = [f"w{number} AS ({_change(shape, number)})" for number, shape in enumerate(shapes)]
    counts = [f"(SELECT count(*) FROM w{number})" for number in range(len(shapes))]  # noqa: S608
    return f"WITH {', '.join(parts)} SELECT {', '.join(counts)}"


def _change(shape: Shape, number: int) -> str:
    """Made of the names of our own tables and columns; what was typed travels as parameters."""
    table = shape.mapper.class_.__tablename__
    names = [_columns(shape.mapper)[key][0].name for key in shape.keys]
    given = [f"%({key}_{number})s" for key in shape.keys]
    if shape.is_new:
        return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join(given)}) RETURNING 1"  # noqa: S608
    setting = [f"{name} = {value}" for name, value in zip(names, given, strict=True)]
    found = f"id = %(id_{number})s"
    if shape.mapper.version_id_col is not None:
        setting.append("version = version + 1")
        found += f" AND version = %(version_{number})s"
    return f"UPDATE {table} SET {', '.join(setting)} WHERE {found} RETURNING 1"  # noqa: S608


@cache
def _columns(mapper: Mapper[Any]) -> dict[str, tuple[Column[Any], Convert | None]]:
    """By attribute, with what its type does to a value on the way to the driver."""
    found: dict[str, tuple[Column[Any], Convert | None]] = {}
    for attribute in mapper.column_attrs:
        column = attribute.columns[0]
        assert isinstance(column, Column)
        convert = column.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
        found[attribute.key] = column, convert
    return found


def _default_of(column: Column[Any]) -> Any:  # noqa: ANN401 - whatever the column holds
    """What a new row begins with: our columns have plain values or ``dict`` as defaults."""
    default: Any = column.default
    return default.arg(None) if default.is_callable else default.arg
