"""A connection of the runtime that is made again after any loss, with backoff."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg

from queue_core import backoff, clock, telemetry
from queue_core.runtime import connect as connecting
from queue_core.store import Store


class Link:
    """`on_connect` runs first on every new connection; `trouble_s`: when it was last lost."""

    def __init__(
        self, url: str, schema: str, component: str, on_connect: Callable[[Store], None]
    ) -> None:
        self.trouble_s = float("-inf")
        self.failures = 0
        self._url = url
        self._schema = schema
        self._component = component
        self._on_connect = on_connect
        self._connection: psycopg.Connection[Any] | None = None

    @property
    def connection(self) -> psycopg.Connection[Any]:
        assert self._connection is not None
        return self._connection

    @property
    def store(self) -> Store:
        return Store(self.connection, self._schema)

    def ensure(self) -> bool:
        """Connects when there is no connection; True when it is a new one."""
        if self._connection is not None:
            return False
        self._connection = connecting.connect(self._url, self._component)
        self._on_connect(self.store)
        if self.failures:
            telemetry.emit("database.found", component=self._component)
        self.failures = 0
        return True

    def together(self, several: bool) -> AbstractContextManager[object]:  # noqa: FBT001
        """A pipeline: one transaction, one round trip. A statement alone is that by itself, and the
        first job of an idle queue starts half a millisecond sooner without.
        """
        return self.connection.pipeline() if several else contextlib.nullcontext()

    def lose(self, error: Exception) -> float:
        """Drops the connection; returns how long to wait before the next one."""
        if not isinstance(error, connecting.Lost):
            telemetry.emit("loop.failed", component=self._component, error=repr(error))
        elif self.failures == 0:
            connecting.report_lost(self._component, error)
        self.close()
        self.trouble_s = clock.boottime_s()
        wait_s = backoff.reconnect_backoff_s(self.failures, clock.jitter())
        self.failures += 1
        return wait_s

    def close(self) -> None:
        connecting.close(self._connection)
        self._connection = None
