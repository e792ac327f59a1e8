"""Lets time pass without waiting: every stored time moves into the past, in one transaction."""

from queue_core.queue import Queue
from queue_core.store import Store


class ManualClock:
    """`clock.advance(60)`: leases expire, scheduled jobs become due, unique windows close."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    def advance(self, seconds: float) -> None:
        with self._queue.engine.begin() as connection:
            Store(connection, self._queue.schema).shift_times(seconds=seconds)
