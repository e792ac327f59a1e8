"""Which characters the shipped fonts can print, and what stands in for the others.

PDF/A forbids a character without a glyph, so one rare sign in a customer's name would make every
rendering fail, for ever, after the invoice has its number. Such a sign is printed as U+FFFD; the
stored name keeps it.
"""

import re
import struct
import unicodedata
from functools import lru_cache
from pathlib import Path

FONTS = Path(__file__).parent / "fonts"
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Invisible modifiers of the sign before them; the plain sign says it.
_MODIFIERS = re.compile(
    "[\ufe00-\ufe0f\U000e0020-\U000e01ef\U0001f3fb-\U0001f3ff\u200d\u2060\ufeff]"
)
# Overrides of the writing direction: a name could show itself, and the figures after it, reversed.
_DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\u061c]")


def printable(text: str) -> str:
    """The text as the fonts can print it."""
    composed = unicodedata.normalize("NFC", text)
    plain = _DIRECTIONS.sub("", _MODIFIERS.sub("", composed))
    known = covered()
    return "".join(
        char if ord(char) in known or char == "\n" else _stand_in(char) for char in plain
    )


@lru_cache(maxsize=1)
def covered() -> frozenset[int]:
    """Every code point that some shipped font has a glyph for. Private use is left out: PDF/A."""
    points: set[int] = set()
    for path in sorted(FONTS.glob("*.ttf")):
        points.update(_code_points(path.read_bytes()))
    return frozenset(point for point in points if unicodedata.category(chr(point)) not in _UNSAFE)


# Control, private use, surrogate, unassigned.
_UNSAFE = frozenset({"Cc", "Co", "Cs", "Cn"})


def _stand_in(char: str) -> str:
    return " " if char.isspace() or unicodedata.category(char) == "Cc" else REPLACEMENT


def _code_points(font: bytes) -> set[int]:
    """The font's own list: table ``cmap``, format 12 (OpenType 1.9, "Segmented coverage").

    Every shipped font has one (StopIteration at the first rendering would say that it has not).
    """
    table = _table(font, b"cmap")
    (count,) = struct.unpack_from(">H", table, 2)
    starts = (struct.unpack_from(">I", table, 8 + 8 * index)[0] for index in range(count))
    start = next(at for at in starts if struct.unpack_from(">H", table, at) == (12,))
    (groups,) = struct.unpack_from(">I", table, start + 12)
    segments = struct.iter_unpack(">III", table[start + 16 : start + 16 + 12 * groups])
    return {point for first, last, _glyph in segments for point in range(first, last + 1)}


def _table(font: bytes, tag: bytes) -> bytes:
    (count,) = struct.unpack_from(">H", font, 4)
    entries = struct.iter_unpack(">4sIII", font[12 : 12 + 16 * count])
    return next(font[at : at + length] for name, _sum, at, length in entries if name == tag)
