"""Customers: who is invoiced. A customer is archived, never deleted: invoices point here."""

import re
from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from payments_app.domain.base import Base, created_at, prefixed_id, version
from payments_app.domain.errors import Invalid

NAME_LENGTH_MAX = 200
EMAIL_LENGTH_MAX = 254  # RFC 5321, 4.5.3.1.3: a path of 256 octets less its angle brackets
TEXT_LENGTH_MAX = 500

# One address, no display name, no quoted local part: what a form of ours needs, and no more.
_EMAIL = re.compile(r"[^@\s<>\"(),:;\[\]\\]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
                    r"(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+")  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Customer(Base):
    """A person or company that receives invoices."""

    __tablename__ = "customers"
    __table_args__ = (
        CheckConstraint(f"length(name) BETWEEN 1 AND {NAME_LENGTH_MAX}", name="name"),
        CheckConstraint(f"length(email) BETWEEN 3 AND {EMAIL_LENGTH_MAX}", name="email"),
    )

    id: Mapped[str] = prefixed_id("cus")
    name: Mapped[str]
    email: Mapped[str]
    address: Mapped[str] = mapped_column(default="")
    tax_id: Mapped[str] = mapped_column(default="")
    notes: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = created_at()
    archived_at: Mapped[datetime | None]
    version: Mapped[int] = version()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012


def checked_name(value: str, field: str = "name") -> str:
    """A trimmed name of 1 to 200 characters. Raises Invalid."""
    return checked_text(value, field, length_max=NAME_LENGTH_MAX, required=True)


def checked_text(
    value: str, field: str, *, length_max: int = TEXT_LENGTH_MAX, required: bool = False
) -> str:
    """Trimmed text without control characters. Raises Invalid with the bound that it broke."""
    trimmed = value.strip()
    if required and not trimmed:
        raise Invalid(field, f"Enter a {field.rsplit('.', maxsplit=1)[-1].replace('_', ' ')}.")
    if len(trimmed) > length_max:
        raise Invalid(field, f"At most {length_max} characters; this has {len(trimmed)}.")
    if _CONTROL.search(trimmed):
        raise Invalid(field, "Control characters cannot be stored. Remove them.")
    return trimmed


def checked_email(value: str, field: str = "email") -> str:
    """One e-mail address. Raises Invalid."""
    trimmed = value.strip()
    if len(trimmed) > EMAIL_LENGTH_MAX or not trimmed.isascii() or not _EMAIL.fullmatch(trimmed):
        raise Invalid(field, "Enter one e-mail address like name@example.com.")
    return trimmed
