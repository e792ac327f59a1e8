"""How a queue was configured: limits per process and over all nodes, rate, paused at birth. Pure.

    queues={"default": 10, "emails": {"limit": 5, "rate": (25, 1.0), "global_limit": 40}}

A configured value is written only where the table has no row; an operator's value stays until it
is reset.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from queue_core.errors import InvalidJob

# A process with a thousand threads is a mistake; more processes are the way.
PROCESS_LIMIT_MAX = 1000
# Far beyond what a database starts; further, the arithmetic of the claim overflows, every time.
RATE_STARTS_MAX, RATE_PERIOD_MIN_S = 1_000_000, 0.001
_OPTIONS = ("limit", "paused", "global_limit", "rate", "by")


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """One queue as configured; `by` names an argument that global limit and rate are counted per
    value of.
    """

    name: str
    limit: int = 10
    paused: bool = False
    global_limit: int | None = None
    rate: tuple[int, float] | None = None
    by: str | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9_.-]{0,62}", str(self.name)):
            raise InvalidJob(
                f"queue {self.name!r}: use lower-case letters, digits and _.-, first a letter"
            )
        limits: dict[str, object] = {"limit": self.limit, "global_limit": self.global_limit}
        for what, value in limits.items():
            if what == "global_limit" and value is None:
                continue
            if type(value) is not int or not 1 <= value <= PROCESS_LIMIT_MAX:
                raise InvalidJob(
                    f"queue {self.name!r}: {what} must be 1 to {PROCESS_LIMIT_MAX}, "
                    f"not {value!r}; pause it to run none"
                )
        if not isinstance(self.paused, bool):
            raise InvalidJob(
                f"queue {self.name!r}: paused must be True or False, not {self.paused!r}"
            )
        check_rate(self.name, self.rate)
        by: object = self.by  # As given, too.
        if by is not None and (not isinstance(by, str) or not by):
            raise InvalidJob(f"queue {self.name!r}: by must name an argument, not {by!r}")

    @property
    def is_limited(self) -> bool:
        """Counted over all nodes: each claim goes through the limiter, nothing is held ahead."""
        return self.global_limit is not None or self.rate is not None

    @classmethod
    def parse(cls, name: str, value: int | Mapping[str, Any]) -> Self:
        if not isinstance(value, Mapping):
            return cls(name, value)
        if unknown := sorted(set(value) - set(_OPTIONS)):
            raise InvalidJob(
                f"queue {name!r}: unknown option {unknown[0]!r}; known are {', '.join(_OPTIONS)}"
            )
        return cls(name, **value)

    def values(self) -> dict[str, Any]:
        """Parameters of configure_queue."""
        return {
            "name": self.name,
            "process_limit": self.limit,
            "paused": self.paused,
            "global_limit": self.global_limit,
            "rate_starts": self.rate[0] if self.rate else None,
            "rate_period_s": self.rate[1] if self.rate else None,
            "limit_key_field": self.by,
        }


def check_rate(name: str, rate: Any) -> None:
    """As given by people: a pair only by its annotation."""
    if rate is None:
        return
    pair = rate if isinstance(rate, tuple | list) and len(rate) == 2 else (0, 0)
    starts, period_s = pair
    if (
        type(starts) is not int
        or type(period_s) not in {int, float}
        or not 1 <= starts <= RATE_STARTS_MAX
        or not RATE_PERIOD_MIN_S <= period_s < math.inf
    ):
        raise InvalidJob(
            f"queue {name!r}: rate must be (starts ≥ 1, seconds > 0) like (25, 1.0), not {rate!r}; "
            f"at most {RATE_STARTS_MAX} in at least {RATE_PERIOD_MIN_S} s"
        )
