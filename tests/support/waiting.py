"""Waiting for facts, never for time: a condition is asked again until it holds, up to a bound."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

INTERVAL_S = 0.02


def wait_until(fact: Callable[[], T], *, timeout_s: float = 10.0, what: str = "") -> T:
    """The first true value that ``fact`` gives; AssertionError with ``what`` when it never does."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {timeout_s} s: {what or fact}")
        time.sleep(INTERVAL_S)
