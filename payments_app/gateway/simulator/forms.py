"""Form bodies as Stripe writes them: ``metadata[payment]=pay_1`` is a nested value.

Every parameter is checked here, before an operation begins, so that a bad request changes nothing
and leaves its idempotency key free. Unknown parameters are refused: a typo must not be a silent no.
"""

import re
from collections.abc import Iterable
from typing import TypeVar
from urllib.parse import parse_qsl

from payments_app.gateway.simulator.errors import invalid
from payments_app.gateway.simulator.values import Body

# Stripe's own limits for metadata; a page size above a hundred is refused there, too.
METADATA_KEYS_MAX = 50
METADATA_VALUE_MAX = 500
PAGE_DEFAULT = 10
PAGE_MAX = 100
AMOUNT_MAX = 99_999_999_999
PART = re.compile(r"\[([^\[\]]*)\]")
# What Stripe's page on currencies says of amounts: the last of three decimals is 0, and so are the
# two decimals that crowns and Ugandan shillings have for old times' sake.
STEPS = {**dict.fromkeys(("bhd", "iqd", "jod", "kwd", "lyd", "omr", "tnd"), 10),
         **dict.fromkeys(("isk", "ugx"), 100)}  # fmt: skip
CURRENCY = re.compile(r"[a-z]{3}")

_Nested = TypeVar("_Nested", list[str], dict[str, str])


def decode(encoded: str) -> Body:
    """``a=1&m[x]=2&e[]=3`` as ``{a: "1", m: {x: "2"}, e: ["3"]}``."""
    decoded: Body = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        head, _, _ = name.partition("[")
        parts = PART.findall(name)
        if not parts:
            decoded[head] = value
        elif parts[0] == "" or parts[0].isdigit():
            _container(decoded, head, list).append(value)
        else:
            _container(decoded, head, dict)[parts[0]] = value
    return decoded


def known(params: Body, allowed: Iterable[str]) -> None:
    for name in params:
        if name not in allowed:
            raise invalid(
                f"Received unknown parameter: {name}", param=name, code="parameter_unknown"
            )


def amount(params: Body) -> int:
    text = params.get("amount")
    if text is None:
        raise invalid("Missing required param: amount.", param="amount", code="parameter_missing")
    if not isinstance(text, str) or not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise invalid(f"Invalid integer: {text}", param="amount", code="parameter_invalid_integer")
    value = int(text)
    if not 1 <= value <= AMOUNT_MAX:
        message = f"Invalid amount: from 1 to {AMOUNT_MAX}, in the currency's smallest unit"
        raise invalid(message, param="amount", code="parameter_invalid_integer")
    return value


def currency(params: Body) -> str:
    text = params.get("currency")
    if not isinstance(text, str) or not CURRENCY.fullmatch(text.lower()):
        raise invalid(f"Invalid currency: {text}", param="currency")
    return text.lower()


def in_steps(value: int, of_currency: str) -> int:
    """The amount, unless the currency is charged in steps that it is none of."""
    step = STEPS.get(of_currency, 1)
    if value % step:
        message = f"Invalid amount: {of_currency} amounts must be evenly divisible by {step}"
        raise invalid(message, param="amount")
    return value


def metadata(params: Body) -> dict[str, str]:
    value = params.get("metadata") or {}
    if not isinstance(value, dict) or len(value) > METADATA_KEYS_MAX:
        raise invalid("Invalid metadata: at most 50 named values", param="metadata")
    for name, text in value.items():
        if len(text) > METADATA_VALUE_MAX:
            raise invalid(f"Metadata value '{name}' is too long", param=f"metadata[{name}]")
    return value


def flag(params: Body, name: str) -> bool:
    value = params.get(name, "false")
    if value not in {"true", "false"}:
        raise invalid(f"Invalid boolean: {value}", param=name)
    return bool(value == "true")


def text(params: Body, name: str) -> str | None:
    value = params.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(f"Invalid string: {name}", param=name)
    return value or None


def expansions(params: Body, allowed: frozenset[str]) -> frozenset[str]:
    wanted = params.get("expand", [])
    if not isinstance(wanted, list) or not set(wanted) <= allowed:
        raise invalid(f"This property cannot be expanded ({wanted}).", param="expand")
    return frozenset(wanted)


def page_size(params: Body) -> int:
    text = params.get("limit", str(PAGE_DEFAULT))
    if not isinstance(text, str) or not text.isdecimal() or not 1 <= int(text) <= PAGE_MAX:
        raise invalid(f"Invalid limit: must be from 1 to {PAGE_MAX}", param="limit")
    return int(text)


def _container(into: Body, name: str, kind: type[_Nested]) -> _Nested:
    found = into.setdefault(name, kind())
    if not isinstance(found, kind):
        raise invalid(f"Invalid parameter: {name} is given twice", param=name)
    return found
