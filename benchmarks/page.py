"""What was really executed: a byte and a time per job, in memory that all processes share.

A queue's own tables say what it believes; this page says what happened. The parent counts in it
without asking the database anything, so that watching costs the contestants nothing. Different
jobs touch different bytes: neither threads nor processes can lose a count.
"""

import mmap
import struct
import time
from pathlib import Path

_TIME = struct.Struct("<q")


class Page:
    """`executed` in workers, the rest in the parent."""

    def __init__(self, path: Path, jobs: int) -> None:
        if not path.exists():
            with path.open("wb") as new:
                new.truncate(jobs * (1 + _TIME.size))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 0)
        self._jobs = jobs
        self._done_below = 0

    def executed(self, number: int) -> None:
        _TIME.pack_into(self._memory, self._jobs + number * _TIME.size, time.monotonic_ns())
        self._memory[number] += 1

    def count(self, until: int | None = None) -> int:
        """How many jobs have been executed, each counted once."""
        end = self._jobs if until is None else until
        first_open = self._memory.find(b"\0", self._done_below, end)
        self._done_below = end if first_open < 0 else first_open
        rest = self._memory[self._done_below : end]
        return self._done_below + len(rest) - rest.count(b"\0")

    def executions(self) -> int:
        """How often any job was executed: more than `count` when some ran twice."""
        return sum(self._memory[: self._jobs])

    def time_ns(self, number: int) -> int:
        """When a job was executed last, by the clock that all processes share."""
        return int(_TIME.unpack_from(self._memory, self._jobs + number * _TIME.size)[0])
