"""Chance that can be repeated: the same seed and the same question give the same number."""

import hashlib


def draw(seed: int, *question: object) -> float:
    """A number from 0 up to, but not including, 1."""
    text = " ".join(map(str, (seed, *question)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56


def pick(seed: int, count: int, *question: object) -> int:
    """A whole number from 0 up to, but not including, ``count``."""
    return int(draw(seed, *question) * count)
