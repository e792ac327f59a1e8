"""What `perform` may give back: frozen values, one per way a run can end.

A plain JSON value or None means Ok. An exception means Error. Interrupted and TimedOut are made by
the runtime alone.
"""

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Ok:
    """Done. The value is recorded when the job's class says `record=True`."""

    value: Any = None  # Any JSON value; checked when it is recorded.


@dataclass(frozen=True, slots=True)
class Error:
    """Failed, try again later: the same as raising."""

    reason: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """No longer wanted: stop, this is no failure."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Discard:
    """Hopeless: stop at once, keep it among the dead."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Snooze:
    """Not yet: run again after this many seconds. Costs no attempt."""

    seconds: float
    max_snoozes: int | None = None


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Failed, and the other side said when to come back (HTTP 429)."""

    seconds: float
    reason: str = "asked to wait"


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The worker is stopping: the job goes back and costs no attempt."""

    reason: str = "interrupted"


Outcome: TypeAlias = Any
"""None, a JSON value, or one of the classes above: what a worker may return."""
