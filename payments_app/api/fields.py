"""The kinds of values that requests carry, each with a message that says what would be right.

Numbers are where clients lose money: amounts are JSON integers of minor units, quantities and
rates are decimal strings. A JSON number with a point is binary on most machines (1.10 becomes
1.100000000000000088…), so it is refused with the reason, and so is true, which Python counts as 1.
"""

# ruff: noqa: ANN401, ARG002 - marshmallow decides the signatures of fields

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Generic, TypeVar

import marshmallow as ma
from flask import current_app

from payments_app.config import Config
from payments_app.domain.money import AMOUNT_MINOR_MAX, parse_decimal

T = TypeVar("T")

# More digits than any column holds; the services say the exact bounds of each figure.
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_WHOLE_MAX = 10**15
_SURROGATE = re.compile("[\ud800-\udfff]")
# Tab, line feed and carriage return are text; the rest of C0 and DEL are not.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Checked(ma.fields.Field[T], Generic[T]):
    """A field of a request: ``check`` gives the value or raises ValidationError."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's own class-level hook
        "required": "This field is required.",
        "null": "This field cannot be null.",
    }

    def __init__(self, *, described: Mapping[str, Any], **options: Any) -> None:
        options["metadata"] = {**described, **options.pop("metadata", {})}
        super().__init__(**options)

    def check(self, value: object) -> T:
        raise NotImplementedError

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> T:
        return self.check(value)


class Text(Checked[str]):
    """Text that can be stored, of a bounded length."""

    def __init__(self, *, length_max: int, length_min: int = 0, **options: Any) -> None:
        described = {"type": "string", "minLength": length_min, "maxLength": length_max}
        super().__init__(described=described, **options)
        self.length_max = length_max

    def check(self, value: object) -> str:
        if not isinstance(value, str):
            raise ma.ValidationError(f"Write text in quotes, not {_kind(value)}.")
        if _SURROGATE.search(value) or _CONTROL.search(value):
            raise ma.ValidationError(
                "Control characters, NUL and lone surrogates cannot be stored. Remove them."
            )
        length = len(value.strip())
        if length > self.length_max:
            raise ma.ValidationError(f"At most {self.length_max} characters; this has {length}.")
        return value


class Id(Text):
    """An id of ours: ``inv_`` and 32 hexadecimal digits."""

    def __init__(self, prefix: str, **options: Any) -> None:
        self.prefix = prefix
        self.form = re.compile(prefix + "_[0-9a-f]{32}")
        length = len(prefix) + len("_") + 32
        pattern = {"pattern": f"^{self.form.pattern}$"}
        super().__init__(length_min=length, length_max=length, metadata=pattern, **options)

    def check(self, value: object) -> str:
        text = super().check(value)
        if not self.form.fullmatch(text):
            raise ma.ValidationError(f"Write an id that begins with {self.prefix}_.")
        return text


class Amount(Checked[int]):
    """Money in minor units of its currency: a JSON integer; no text, no point, no true."""

    def __init__(self, *, low: int, **options: Any) -> None:
        described = {"type": "integer", "minimum": low, "maximum": AMOUNT_MINOR_MAX}
        super().__init__(described=described, **options)
        self.low = low

    def check(self, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ma.ValidationError(
                f"Write a whole number, not {_kind(value)}. Amounts count minor units: "
                "1050 is 10.50 in USD, and 1050 yen in JPY."
            )
        if not self.low <= value <= AMOUNT_MINOR_MAX:
            raise ma.ValidationError(f"Write a whole number from {self.low} to {AMOUNT_MINOR_MAX}.")
        return value


class DecimalText(Checked[Decimal]):
    """An exact decimal: a string such as "1.5", or an integer."""

    def __init__(self, **options: Any) -> None:
        described = {"type": ["string", "integer"], "examples": ["1.5"]}
        super().__init__(described=described, **options)

    def check(self, value: object) -> Decimal:
        if isinstance(value, float):
            raise ma.ValidationError(
                'Write it as a string, like "1.5": a JSON number with a decimal point is not exact.'
            )
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise ma.ValidationError(
                f'Write a decimal as a string, like "2" or "1.5", not {_kind(value)}.'
            )
        # Bounded before str(): Python refuses to write out an integer of thousands of digits.
        is_huge = isinstance(value, int) and abs(value) >= _WHOLE_MAX
        if is_huge or not _DECIMAL.fullmatch(str(value).strip()):
            raise ma.ValidationError(
                'Write a decimal as a string, like "2" or "1.5": digits, at most one point, '
                "at most 15 digits on either side."
            )
        return parse_decimal(value, self.name or "")


class Flag(Checked[bool]):
    """true or false, nothing that resembles them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(described={"type": "boolean"}, **options)

    def check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise ma.ValidationError(f"Write true or false, not {_kind(value)}.")
        return value


class DecimalShown(ma.fields.String):
    """A stored decimal, shown without trailing zeros: 2.000 is "2"."""

    def _serialize(self, value: Any, *_: Any, **__: Any) -> str | None:
        return None if value is None else f"{value.normalize():f}"


class HostedLink(ma.fields.String):
    """The page on which the customer sees and pays the invoice; null until it is open."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **_: Any) -> str | None:
        if obj.public_token_expires_at is None:
            return None
        config: Config = current_app.extensions["config"]
        return f"{config.public_url}/i/{value}"


def _kind(value: object) -> str:
    """What somebody wrote, in JSON's words."""
    match value:
        case bool():
            return "true or false"
        case float():
            return "a number with a decimal point"
        case int():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "null"
