"""The supervisor's dealings with the database: renewals, and giving back what dead children held.

Its connection is opened when needed and closed before every fork. Each piece of work is bounded
(an alarm cuts off a database that accepts and never answers, because a supervisor that waits
cannot kill, restart or stop), and what could not be done now is kept and done as soon as the
database is back.
"""

import contextlib
import json
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from queue_core import backoff, checkpoints, clock, telemetry
from queue_core.lifecycle import describe, settle
from queue_core.outcomes import Error
from queue_core.runtime import connect as connecting
from queue_core.runtime.child import Child
from queue_core.runtime.options import RuntimeOptions
from queue_core.runtime.rescue import (
    GIVEN_BACK,
    HELD,
    KILLED_RUNNING,
    NODE_LOST,
    Blame,
    end_worker,
)
from queue_core.store import Row, Store

# One dealing with the database; renewals are due every third of the lease.
BOUND_S = 4.0

Key = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Estate:
    """What a dead child leaves: whom to release, and whom to blame."""

    worker_id: UUID
    started: frozenset[Key]
    overdue: frozenset[Key]
    reason: str
    in_order: bool
    was_hung: bool


class Aftermath:
    """Called by the supervisor's loop only."""

    def __init__(self, options: RuntimeOptions) -> None:
        self._options = options
        self._connection: psycopg.Connection[Any] | None = None
        self._estates: list[_Estate] = []
        self._failures = 0
        self._not_before_s = 0.0

    def take(self, child: Child, *, in_order: bool) -> None:
        started = frozenset((one.id, one.lease) for one in child.board.started())
        self._estates.append(
            _Estate(
                child.worker_id,
                started,
                child.overdue & started,
                child.kill_reason or "its worker process died",
                in_order,
                was_hung=bool(child.kill_reason),
            )
        )
        child.board.close()

    def work_off(self) -> None:
        """Releases what dead children held; what fails stays for the next time."""
        while self._estates and self._deal(lambda store: self._settle(store, self._estates[0])):
            self._estates.pop(0)

    def renew(self, children: Sequence[Child]) -> bool:
        return self._deal(lambda store: self._renew(store, children))

    def disconnect(self) -> None:
        """Before a fork: a child that inherits a connection would end it for both."""
        connecting.close(self._connection)
        self._connection = None

    def finish(self) -> None:
        """The last try at the end of the process; what stays is the leader's of another node."""
        self._not_before_s = 0.0
        self.work_off()
        self.disconnect()

    def _renew(self, store: Store, children: Sequence[Child]) -> None:
        asked_s = clock.boottime_s()  # The lease counts from before the question.
        ids = [child.worker_id for child in children]
        alive = {row["id"] for row in store.renew_workers(ids=ids, lease_s=self._options.lease_s)}
        store.note_clock(ids=ids, clock_s=clock.wall_s())
        for child in children:
            if child.worker_id in alive:
                child.board.renewed(asked_s)
            else:
                child.board.set_lost()
        checkpoints.reach("renew.committed")

    def _settle(self, store: Store, estate: _Estate) -> None:
        self._end_overdue(store, estate)
        end_worker(
            store,
            estate.worker_id,
            lambda row: _blame(estate, row),
            max_rescues=self._options.max_rescues,
            reason=json.dumps(describe("WorkerLost", estate.reason)),
        )

    def _end_overdue(self, store: Store, estate: _Estate) -> None:
        """Jobs past their deadline failed, as any job fails; now that no thread of theirs runs."""
        rows = store.list_executing(worker_ids=[estate.worker_id], min_age_s=0.0, limit=10_000)
        for row in rows:
            if (row["id"], row["lease"]) not in estate.overdue:
                continue
            error = describe("JobTimeout", "it ran past its deadline and its grace, and was killed")
            verdict = settle(
                row["attempt"], row["max_attempts"], Error(error["message"]), error=error
            )
            values = {"ids": [row["id"]], "leases": [row["lease"]], "states": [verdict.state.value]}
            errors = [json.dumps(error)]
            if verdict.state == "discarded":
                store.finish_jobs(**values, errors=errors, results=[None], yields=[True])
            else:
                store.postpone_jobs(
                    **values,
                    errors=errors,
                    delays_s=[verdict.delay_s],
                    refunds=[0],
                    snoozes=[0],
                    outcomes=["error"],
                    worker_id=estate.worker_id,
                )

    def _deal(self, work: Callable[[Store], None]) -> bool:
        """Does one piece of work within its time; False when it must be tried again."""
        if self._connection is None and clock.boottime_s() < self._not_before_s:
            return False
        try:
            with _alarm(BOUND_S):
                if self._connection is None:
                    self._connection = connecting.connect(
                        self._options.database_url, "supervisor", statement_timeout_s=BOUND_S
                    )
                work(Store(self._connection, self._options.schema))
        except (psycopg.Error, TimeoutError) as error:
            # Whatever the database says, a supervisor lives: it would take all its children with
            # it.
            if self._failures == 0:
                connecting.report_lost("supervisor", error)
            self.disconnect()
            wait_s = backoff.reconnect_backoff_s(self._failures, clock.jitter())
            self._not_before_s = clock.boottime_s() + wait_s
            self._failures += 1
            return False
        if self._failures:
            telemetry.emit("database.found", component="supervisor")
        self._failures = 0
        return True


def _blame(estate: _Estate, row: Row) -> Blame:
    if estate.in_order:
        return GIVEN_BACK
    if (row["id"], row["lease"]) not in estate.started:
        return HELD
    # A child that hung was killed by us: which of its jobs held the interpreter, nobody knows.
    return NODE_LOST if estate.was_hung else KILLED_RUNNING


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raises TimeoutError in the block after `seconds`; no effect outside of the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def cut(*_: object) -> None:
        raise TimeoutError(f"the database gave no answer within {seconds} s")

    before = signal.signal(signal.SIGALRM, cut)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
