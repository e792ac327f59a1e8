"""What an examination says, and where "too much" begins."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one thing; `advice` says what to do when it is wrong."""

    check: str
    wrong: bool
    message: str
    advice: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults suit some thousand jobs a second; tests and small machines give others."""

    # The leader vacuums from 5,000 on; ten times that means that it cannot, or may not.
    dead_rows_max: int = 50_000
    # An index of a churning table keeps some air; below this size nobody feels it.
    index_bytes_min: int = 64 * 2**20
    index_bytes_per_job_max: int = 2_000
    # A dump of some minutes is normal; at 20,000 jobs a second ten of them keep 12 million rows.
    snapshot_age_max_s: float = 600.0
    # The leader makes seven days; two left over leave a weekend to mend it.
    partitions_ahead_min: int = 2
    # An idle worker starts a job within a second, also without notifications.
    waiting_max_s: float = 60.0
    # Timestamps of several machines are compared by people.
    clock_difference_max_s: float = 2.0
    # A reaper takes a second, a sweep five; beyond that nobody does it.
    abandoned_max_s: float = 15.0


def ok(check: str, message: str, **details: Any) -> Finding:
    return Finding(check, wrong=False, message=message, details=details)


def wrong(check: str, message: str, advice: str, **details: Any) -> Finding:
    return Finding(check, wrong=True, message=message, advice=advice, details=details)


def span(seconds: float) -> str:
    """A duration as people say it."""
    for size, unit in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
