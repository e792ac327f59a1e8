"""Checks of the JSON that ``/_sim`` takes: every refusal names the field and says what is right.

A fault rule that is silently misread makes a test pass for the wrong reason, so nothing unknown is
ignored and nothing is rounded into place.
"""

import hashlib
from typing import Any

from payments_app.gateway.simulator.errors import invalid

Fields = dict[str, Any]
INTEGER_MAX = 1_000_000_000


def fields(value: object, allowed: tuple[str, ...], where: str) -> Fields:
    if not isinstance(value, dict):
        raise invalid(f"{where or 'The body'} must be a JSON object.", param=where or "body")
    for name in value:
        if name not in allowed:
            known = ", ".join(allowed)
            path = _path(where, name)
            raise invalid(f"{path} is unknown; known: {known}.", param=path)
    return value


def choice(given: Fields, name: str, where: str, allowed: tuple[str, ...], default: str) -> str:
    value = given.get(name, default)
    # 500 and "500" are both natural to write.
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or text not in allowed:
        path = _path(where, name)
        raise invalid(f"{path} must be one of {', '.join(allowed)}.", param=path)
    return text


def string(given: Fields, name: str, where: str) -> str | None:
    value = given.get(name)
    if value is not None and (not isinstance(value, str) or not value):
        raise invalid(f"{_path(where, name)} must be a text.", param=_path(where, name))
    return value


def integer(
    given: Fields, name: str, where: str, *, least: int, most: int = INTEGER_MAX
) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        path = _path(where, name)
        raise invalid(f"{path} must be a whole number from {least} to {most}.", param=path)
    return value


def number(given: Fields, name: str, where: str, *, default: float, most: float) -> float:
    value = given.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        path = _path(where, name)
        raise invalid(f"{path} must be a number from 0 to {most:g}.", param=path)
    return float(value)


def boolean(given: Fields, name: str, where: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise invalid(f"{_path(where, name)} must be true or false.", param=_path(where, name))
    return value


def draw(seed: int, turn: int) -> float:
    """A number in [0, 1) that depends on the seed and the turn alone, so a run can be replayed."""
    digest = hashlib.sha256(f"{seed}:{turn}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / float(1 << 48)


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
