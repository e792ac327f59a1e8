"""What every mapped class shares: the base, ids made by the database, and versions.

Ids are UUIDv7 with a public prefix (``pay_0192…``), made by the database function ``new_id``, so
that two processes never need to agree on anything and rows sort by age.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, DateTime, Enum, MetaData, Text, func, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


class Base(DeclarativeBase):
    """Declarative base. ``str`` is text, ``int`` is bigint, times carry their zone."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own class-level hook
        str: Text(),
        int: BigInteger(),
        datetime: DateTime(timezone=True),
    }


def states(kind: type[StrEnum]) -> Enum:
    """A StrEnum kept as plain text; the database's own CHECKs and triggers guard it."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=40,
        values_callable=lambda members: [member.value for member in members],
    )


def prefixed_id(prefix: str) -> Mapped[str]:
    """A text primary key that the database fills with ``new_id(prefix)``."""
    return mapped_column(primary_key=True, server_default=text(f"new_id('{prefix}')"))


def created_at() -> Mapped[datetime]:
    """The time of the inserting transaction, by the database clock."""
    return mapped_column(server_default=func.now())


def version() -> Mapped[int]:
    """Optimistic version: grows with every update and goes into its WHERE."""
    return mapped_column(default=1)
