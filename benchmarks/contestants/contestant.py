"""The verbs that every contestant has. They differ in all else, so a run says how each was set up.

`work` is called in a process of its own and returns after TERM; what a job does is the same for
all: it notes its execution on the page, after it has slept for as long as its arguments say.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from benchmarks.page import Page

# Rows per call of a bulk insert, for everybody.
BATCH_SIZE = 5000


@dataclass(frozen=True)
class Setup:
    """`widened` means as wide as the peer goes well, beyond what its documentation shows."""

    slots: int = 10
    processes: int = 1
    claims_ahead: bool = True
    widened: bool = False

    def values(self) -> dict[str, Any]:
        return asdict(self)


class Contestant(Protocol):
    name: str
    # A statement that is true while a job is waiting, running or not yet settled.
    has_unfinished: str
    # Whether `work` starts as many processes as it is told to, or is started so many times.
    forks: bool

    def install(self, url: str) -> None: ...

    def fill(self, url: str, numbers: range, *, sleep_ms: int = 0) -> None:
        """Inserts in bulk, as its documentation shows it."""

    def inserter(self, url: str) -> AbstractContextManager[Callable[[int], None]]:
        """A function that inserts one job and commits it."""

    def work(self, url: str, page: Page, setup: Setup) -> None: ...


def batches(numbers: range) -> list[range]:
    return [numbers[start : start + BATCH_SIZE] for start in range(0, len(numbers), BATCH_SIZE)]
