"""A submitted form: what was typed, what it means, and what is wrong with it, field by field.

Every field is read before anything is decided, so a person sees all mistakes at once, and what was
typed is kept exactly as it was typed. The rules themselves live in the domain.
"""

import uuid
from collections.abc import Callable
from datetime import date
from secrets import token_bytes
from typing import TypeVar

from flask import request

from payments_app.domain.errors import DomainError, Invalid

T = TypeVar("T")


class Form:
    """Values as typed, errors by field. Falsy ``errors`` means: everything could be read."""

    def __init__(self, values: dict[str, str] | None = None) -> None:
        self.values = values or {}
        self.errors: dict[str, str] = {}
        self.key = new_key()

    @classmethod
    def submitted(cls) -> "Form":
        form = cls({name: request.form[name] for name in request.form})
        form.key = request.form.get("idempotency_key") or form.key
        return form

    def __getitem__(self, field: str) -> str:
        return self.values.get(field, "")

    def read(self, field: str, reader: Callable[[str], T]) -> T | None:
        """The field's meaning; None, and a message beside the field, when it has none."""
        try:
            return reader(self[field])
        except Invalid as error:
            self.refuse(field, str(error))
            return None

    def refuse(self, field: str, message: str) -> None:
        """The first thing wrong with a field is the one that is shown."""
        self.errors.setdefault(field, message)

    def take(self, error: DomainError) -> None:
        """Show a refusal by a service, beside its field where the form has one."""
        field = error.field if error.field is not None else ""
        self.refuse(field, str(error) or (type(error).__doc__ or "Refused.").strip())

    @property
    def status(self) -> int:
        return 422 if self.errors else 200


def new_key() -> str:
    """A fresh idempotency key, made when a form is drawn: the same form sent twice is one deed."""
    return str(uuid.UUID(bytes=token_bytes(16), version=4))


def checked_date(value: str, field: str = "due_date") -> date | None:
    """An ISO date, or None for an empty field. Raises Invalid."""
    if not value.strip():
        return None
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise Invalid(field, "Enter a date like 2026-12-31.") from None


def one_of(value: str, allowed: dict[str, str], field: str, message: str) -> str:
    if value not in allowed:
        raise Invalid(field, message)
    return value
