"""What one node was told at its start: times, limits, and where the database is. Plain values."""

import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field

from queue_core import clock
from queue_core.errors import QueueError
from queue_core.lifecycle import DEFAULT_MAX_RESCUES
from queue_core.runtime.history import Retention
from queue_core.settings import PROCESS_LIMIT_MAX, QueueSettings

# Whole numbers and what they are at least; times, of which these alone may be no time at all.
_LEAST = {"processes": 1, "max_rescues": 0, "max_jobs": 0, "max_memory_mb": 0}
_TIMES = ("lease_s", "poll_s", "hung_after_s", "shutdown_timeout_s", "deadline_grace_s")
_MAY_BE_ZERO = ("shutdown_timeout_s", "deadline_grace_s")


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """Defaults suit one machine and a local database."""

    database_url: str
    schema: str
    queues: tuple[QueueSettings, ...]
    caps: Mapping[str, int] = field(default_factory=dict)
    processes: int = 1
    stop_when_empty: bool = False
    # A lost node's jobs wait this long. Three renewals fit, so that one lost packet rescues
    # nothing.
    lease_s: float = 15.0
    # Polling is the guarantee behind NOTIFY: an order or a job is noticed within this time.
    poll_s: float = 1.0
    shutdown_timeout_s: float = 15.0
    # After its deadline a job may tidy up this long; then its whole child is killed.
    deadline_grace_s: float = 5.0
    # A child that has not beaten for this long holds the interpreter lock in some C code.
    hung_after_s: float = 10.0
    max_rescues: int = DEFAULT_MAX_RESCUES
    # Recycling: a child stops gracefully after this many jobs, or above this much memory; 0 =
    # never.
    max_jobs: int = 0
    max_memory_mb: int = 0
    claim_ahead: bool | None = None
    history_days: Retention = field(default_factory=Retention)
    # Made in the supervisor before it forks: since when this node is up, by its own clock.
    started_s: float = field(default_factory=clock.boottime_s)
    node: str = field(default_factory=platform.node)

    def __post_init__(self) -> None:
        """As given by people and settings: a node that starts no process must not look well."""
        for name, least in _LEAST.items():
            number: object = getattr(self, name)
            if type(number) is not int or number < least:
                raise QueueError(f"run: {name} must be a whole number from {least}, not {number!r}")
        for name in _TIMES:
            time_s: object = getattr(self, name)
            if type(time_s) not in {int, float} or not 0 <= time_s < math.inf:  # type: ignore[operator]
                raise QueueError(f"run: {name} must be a number of seconds, not {time_s!r}")
            if not time_s and name not in _MAY_BE_ZERO:
                raise QueueError(f"run: {name} must be more than 0 seconds")
        for name, cap in self.caps.items():
            if type(cap) is not int or not 1 <= cap <= PROCESS_LIMIT_MAX:
                raise QueueError(
                    f"run: queue {name!r} of this node must have a limit of 1 to "
                    f"{PROCESS_LIMIT_MAX}, not {cap!r}; leave it out to run none"
                )

    @property
    def claims_ahead(self) -> bool:
        """QUEUE_CLAIM_AHEAD=0 turns it off for every queue of this node."""
        return (
            os.environ.get("QUEUE_CLAIM_AHEAD", "1") != "0"
            if self.claim_ahead is None
            else self.claim_ahead
        )

    @property
    def renew_every_s(self) -> float:
        return self.lease_s / 3

    @property
    def fence_after_s(self) -> float:
        """Without a renewal for this long, by its own clock, a worker starts nothing more (R2)."""
        return self.lease_s * 0.8
