"""Hears NOTIFY on a connection and a thread of its own and wakes the producer. Speed, never truth.

Behind a transaction pooler LISTEN would hear nothing: the thread ends and polling does all the
work.
"""

import threading
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from queue_core import backoff, clock, telemetry, wakeup
from queue_core.runtime import connect as connecting
from queue_core.runtime.options import RuntimeOptions

# How long one wait for notifications lasts: the bound on noticing that the process stops.
PATIENCE_S = 0.5


class Listener:
    """`wake` is called with the names of queues, or of orders (they begin with "!")."""

    def __init__(self, options: RuntimeOptions, wake: Callable[[frozenset[str]], None]) -> None:
        self._options = options
        self._wake = wake
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            connection = None
            try:
                connection = connecting.connect(self._options.database_url, "listener")
                if connecting.is_pooled(connection):
                    return
                connection.execute(
                    sql.SQL("LISTEN {}").format(
                        sql.Identifier(wakeup.channel(self._options.schema))
                    )
                )
                if failures:
                    telemetry.emit("database.found", component="listener")
                failures = 0
                # Whatever was inserted while we were deaf.
                self._wake(frozenset({wakeup.CONTROL}))
                self._listen(connection)
            except connecting.Lost as error:
                if failures == 0:
                    connecting.report_lost("listener", error)
                self._stopping.wait(backoff.reconnect_backoff_s(failures, clock.jitter()))
                failures += 1
            finally:
                connecting.close(connection)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        while not self._stopping.is_set():
            for notice in connection.notifies(timeout=PATIENCE_S):
                self._wake(frozenset(notice.payload.split(",")))
                if self._stopping.is_set():
                    return
