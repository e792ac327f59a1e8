"""A connection of the runtime that is made again after any loss, with backoff.

It plans in one of two ways. A statement over arrays is planned for the very values each time
(a plan for arrays of any size made a settle of 500 rows quadratic). A turn that only completes and
claims is planned once: planning was two fifths of it. Such a plan is kept for long, and must be
good when the table has grown a thousandfold: so it may only be a loop over indexes.
"""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg

from queue_core import backoff, clock, telemetry
from queue_core.runtime import connect as connecting
from queue_core.store import Store

# Turns in a row after which the next are thought to be like them: changing costs a round trip.
ALIKE = 3
_TO_VALUES = "plan_cache_mode = force_custom_plan"
_ONCE = "plan_cache_mode = force_generic_plan"
_OTHER_WAYS = (
    *("enable_seqscan", "enable_bitmapscan", "enable_sort"),
    *("enable_hashjoin", "enable_mergejoin"),
)


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
        self._plans_once = False
        self._alike = 0

    @property
    def connection(self) -> psycopg.Connection[Any]:
        assert self._connection is not None
        return self._connection

    @property
    def store(self) -> Store:
        self._plan(once=False)
        return self.light_store

    @property
    def light_store(self) -> Store:
        """For statements without arrays, which are good either way."""
        return Store(self.connection, self._schema)

    def store_of_turn(self, *, is_plain: bool) -> Store:
        """`is_plain`: it runs claim_jobs and complete_jobs alone."""
        self._alike = self._alike + 1 if is_plain else 0
        self._plan(once=self._alike >= ALIKE)
        return self.light_store

    def _plan(self, *, once: bool) -> None:
        if once == self._plans_once or self.connection.prepare_threshold is None:
            return  # Behind a transaction pooler nothing is prepared, or set for a session.
        ways = [f"{name} = {'off' if once else 'on'}" for name in _OTHER_WAYS]
        settings = [_ONCE if once else _TO_VALUES, *ways]
        self.connection.execute("; ".join(f"SET {one}" for one in settings).encode())
        self._plans_once = once

    def ensure(self) -> bool:
        """Connects when there is no connection; True when it is a new one."""
        if self._connection is not None:
            return False
        self._connection = connecting.connect(self._url, self._component)
        self._plans_once, self._alike = False, 0
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
