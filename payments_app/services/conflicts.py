"""Deadlocks and serialization failures: the database's way to say "again".

A fact from the gateway must not be lost because two transactions met, so whoever holds one tries
again with it in hand, instead of asking the gateway a second time.
"""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import OperationalError

RETRIES_MAX = 5
# serialization_failure and deadlock_detected (PostgreSQL, appendix A, class 40).
_AGAIN = frozenset({"40001", "40P01"})

T = TypeVar("T")


def again_on_conflict(transaction: Callable[[], T]) -> T:
    """Run ``transaction`` (it opens and ends one) until no conflict stops it, at most 5 times."""
    for _ in range(RETRIES_MAX):
        try:
            return transaction()
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in _AGAIN:
                raise
    return transaction()
