"""The only place where this package asks for time, chance or identity.

The database's clock decides leases and schedules. A process asks its own clock only to measure how
long something took and to fence itself: that clock counts while the machine sleeps
(CLOCK_BOOTTIME), because a laptop that wakes after an hour must know that its leases are gone.
"""

import random
import time
import uuid
from typing import Protocol

# macOS has no CLOCK_BOOTTIME; its monotonic clock is the best it offers.
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock(Protocol):
    """What the runtime asks: seconds since some fixed point, suspended time included."""

    def __call__(self) -> float: ...


def boottime_s() -> float:
    return time.clock_gettime(_BOOT_CLOCK)


def wall_s() -> float:
    """The machine's time in seconds since 1970: to be compared, never to decide."""
    return time.time()


def jitter() -> float:
    """A number from 0 to 1 that spreads retries apart."""
    return random.random()  # noqa: S311 - spreads load, guards nothing


def new_id() -> uuid.UUID:
    return uuid.uuid4()


def pause(seconds: float) -> None:
    """Sleep. For waits between reconnects and polls of a file, never to wait for a job."""
    time.sleep(seconds)
