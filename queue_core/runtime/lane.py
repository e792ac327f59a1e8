"""One queue in one process: its threads, how many jobs it may take, and how many of them ahead.

Threads take claimed rows from `todo`. A job that is held but not started waits behind others, so
the lane claims ahead only while jobs are short: about AHEAD_S of work, ramped up by doubling while
claims come back full (so that a small backlog is shared between nodes), none for slow or limited
queues, and given back when its threads are stuck.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator

from queue_core.runtime.executor import Executor
from queue_core.runtime.report import Report
from queue_core.settings import QueueSettings
from queue_core.store import Row

# Work held ahead per lane. Longer buys nothing: the next claim takes a millisecond or two.
AHEAD_S = 0.05
AHEAD_MAX = 1000
CLAIM_MAX = 1000

_Task = Row | None


class Lane:
    """Not thread-safe but for `todo`: only the producer calls it."""

    def __init__(
        self,
        settings: QueueSettings,
        executor: Executor,
        report: Callable[[Report], None],
        take_slot: Callable[[], int],
        *,
        cap: int | None = None,
        ahead_allowed: bool = True,
    ) -> None:
        self.name = settings.name
        self.settings = settings
        self.is_paused = False
        # Look at the first turn; afterwards while claims come back full or somebody woke us.
        self.is_hot = True
        self.in_flight = 0  # Claimed and not yet reported.
        self.todo: deque[_Task] = deque()
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._is_ringing = False
        self._cap = cap
        self._ahead_allowed = ahead_allowed
        self._executor = executor
        self._report = report
        self._take_slot = take_slot
        self._lock = threading.Lock()  # Of the three below: leaving threads write them too.
        self._free_slots: list[int] = []
        self._threads = 0
        self._leaving = 0
        self._mean_s = AHEAD_S
        self._ramp = 0

    @property
    def limit(self) -> int:
        return self.settings.limit if self._cap is None else min(self.settings.limit, self._cap)

    def ahead(self) -> int:
        if not self._ahead_allowed or self.settings.is_limited:
            return 0
        wanted = int(self.limit * AHEAD_S / max(self._mean_s, 1e-6)) - self.limit
        return max(0, min(wanted, self._ramp, AHEAD_MAX))

    def wanted(self) -> int:
        """How many to claim now; small top-ups wait until they are worth a statement."""
        if self.is_paused or not self.is_hot:
            return 0
        ahead = self.ahead()
        free = self.limit + ahead - self.in_flight
        return min(free, CLAIM_MAX) if free > ahead // 2 else 0

    def claimed(self, rows: list[Row], asked: int) -> None:
        self.is_hot = len(rows) >= asked
        self._ramp = (
            min(max(self.limit, self._ramp * 2), AHEAD_MAX) if self.is_hot else self._ramp // 2
        )
        self.in_flight += len(rows)
        # Before a thread is started, which may fail: who claimed them must find them here again.
        self.todo.extend(rows)
        self._ensure_threads(self.in_flight)
        self._ring()

    def reported(self, jobs: int, mean_s: float) -> None:
        self.in_flight -= jobs
        if self.settings.is_limited:
            self.is_hot = True  # A place under the limit is free, and nobody announces it.
        weight = min(0.5, jobs / 100)
        self._mean_s += weight * (mean_s - self._mean_s)

    def take_back(self) -> list[Row]:
        """The held rows that no thread has started."""
        rows = list(self._drain())
        self.in_flight -= len(rows)
        self._ramp = 0
        return rows

    def configure(self, settings: QueueSettings, *, paused: bool) -> None:
        if self.is_paused and not paused:
            self.is_hot = True
        if settings.limit > self.settings.limit:
            self.is_hot = True
        self.settings, self.is_paused = settings, paused
        with self._lock:
            for _ in range(self._threads - self._leaving - self.limit):
                self._leaving += 1
                self.todo.append(None)
        self._ring()

    def _ensure_threads(self, jobs: int) -> None:
        with self._lock:
            for _ in range(min(jobs, self.limit) - (self._threads - self._leaving)):
                slot = self._free_slots.pop() if self._free_slots else self._take_slot()
                name = f"{self.name}-{self._threads + 1}"
                threading.Thread(target=self._work, args=(slot,), name=name, daemon=True).start()
                self._threads += 1

    def _work(self, slot: int) -> None:
        while (row := self._next()) is not None:
            self._report(self._executor.execute(row, slot))
        with self._lock:
            self._free_slots.append(slot)
            self._threads -= 1
            self._leaving -= 1

    def _next(self) -> _Task:
        """Waits for a row. Whoever takes one wakes one other for the next: a hundred jobs that take
        no time are then done by a thread or two, not by ten that fight for the interpreter.
        """
        while True:
            try:
                row = self.todo.popleft()
            except IndexError:
                self._bell.get()
                self._is_ringing = False  # Before looking again: what comes after it rings anew.
                continue
            self._ring()
            return row

    def _ring(self) -> None:
        # Two at once may both ring: a thread then wakes for nothing, and sleeps again.
        if self.todo and not self._is_ringing:
            self._is_ringing = True
            self._bell.put(None)

    def _drain(self) -> Iterator[Row]:
        leavers = 0
        try:
            while True:
                row = self.todo.popleft()
                if row is None:
                    leavers += 1
                else:
                    yield row
        except IndexError:
            self.todo.extend([None] * leavers)
            self._ring()
