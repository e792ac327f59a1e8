"""One child of the supervisor: threads that perform jobs, one that produces them, one that
listens.

Its main thread runs no job and no SQL: it beats, watches its supervisor and its lease, and obeys
signals. So it notices everything within a quarter of a second, also while the database is away.
TERM: claim nothing more, let running jobs end, give back the rest. QUIT or a second TERM: give
everything back and go. It fences itself by its own clock (R2): without a renewal for fence_after_s
it starts nothing and asks running jobs to stop, but still offers finished results, because only
the fence in the database knows whether they are late.
"""

import itertools
import os
import queue
import signal
import threading
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from queue_core import clock, job, schema, telemetry
from queue_core.crontab import Cron
from queue_core.errors import SchemaMismatch
from queue_core.registry import Registry
from queue_core.runtime import connect
from queue_core.runtime.board import Board
from queue_core.runtime.executor import Executor
from queue_core.runtime.isolation import Isolation
from queue_core.runtime.lane import Lane
from queue_core.runtime.leader import Leader
from queue_core.runtime.listener import Listener
from queue_core.runtime.options import RuntimeOptions
from queue_core.runtime.orders import Orders
from queue_core.runtime.producer import Producer
from queue_core.runtime.report import Item
from queue_core.store import Store
from queue_core.telemetry import tracing

PULSE_S = 0.25
# Running jobs that ask are told to stop when this share of the shutdown time is over; the rest is
# for tidying up.
INTERRUPT_AFTER = 0.7

EXIT_DONE, EXIT_RECYCLE, EXIT_REFUSED = 0, 75, 78


class Node:
    """Everything of one child; `run` returns its exit code."""

    def __init__(
        self,
        options: RuntimeOptions,
        registry: Registry,
        cron: Iterable[Cron],
        *,
        board: Board,
        worker_id: UUID,
        supervisor: tuple[UUID, int],
    ) -> None:
        self._options = options
        self._registry = registry
        self._board = board
        self._worker_id = worker_id
        self._supervisor_id, self._supervisor_pid = supervisor
        self._engine = connect.make_engine(options)
        sessions = job.sessions_of(self._engine)
        self._isolation = Isolation(registry, sessions, options.schema)
        self._executor = Executor(
            registry,
            sessions,
            options.schema,
            board=board,
            may_start=self._is_trusted,
            isolated=self._isolation.perform,
        )
        inbox: queue.SimpleQueue[Item] = queue.SimpleQueue()
        self._lanes = self._make_lanes(inbox)
        self._producer = Producer(
            options,
            registry,
            worker_id,
            self._lanes,
            register=self._register,
            on_orders=self._obey,
            may_claim=self._is_trusted,
            inbox=inbox,
        )
        self._listener = Listener(options, self._producer.wake)
        self._leader = Leader(
            options, cron, worker_id, trouble_s=lambda: self._producer.link.trouble_s
        )
        self._signals: list[int] = []
        self._exit_code = EXIT_DONE
        self._stop_at_s: float | None = None
        self._is_fenced = False
        self._refusal: Exception | None = None

    def _make_lanes(self, inbox: "queue.SimpleQueue[Item]") -> dict[str, Lane]:
        slots = itertools.count()
        # By name: a turn locks one limiter after another, and two nodes that lock them in different
        # orders (their `queues` are written so) would end each other's turns by deadlock.
        return {
            settings.name: Lane(
                settings,
                self._executor,
                inbox.put,
                slots.__next__,
                cap=self._options.caps.get(settings.name),
                ahead_allowed=self._options.claims_ahead,
            )
            for settings in sorted(self._options.queues, key=lambda settings: settings.name)
        }

    def run(self) -> int:
        self._isolation.open()  # Forks: the first thing of all.
        self._obey_signals()
        for component, target in (
            ("producer", self._producer.run),
            ("listener", self._listener.run),
        ):
            threading.Thread(target=target, name=component, daemon=True).start()
        while not self._producer.finished.wait(PULSE_S):
            self._pulse()
            if self._refusal is not None:
                telemetry.emit("loop.failed", component="worker", error=str(self._refusal))
                return EXIT_REFUSED
        self._listener.stop()
        self._leader.stop()
        self._isolation.close()
        tracing.flush()
        self._board.set_done()
        return self._exit_code

    def _obey_signals(self) -> None:
        # Only remembered here: a handler may interrupt any line, also one that holds a lock.
        for number in (signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, lambda number, _: self._signals.append(number))
        # Ctrl-C goes to the whole group of a terminal; the supervisor decides what it means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGQUIT})

    def _pulse(self) -> None:
        now_s = clock.boottime_s()
        self._board.beat(now_s)
        while self._signals:
            self._on_signal(self._signals.pop(0), now_s)
        if os.getppid() != self._supervisor_pid and self._stop_at_s is None:
            self._stop(now_s, "its supervisor is gone")
        if self._board.is_lost and self._stop_at_s is None:
            telemetry.emit("worker.lost", worker=str(self._worker_id))
            self._stop(now_s, "its worker row was deleted", EXIT_RECYCLE)
            self._interrupt("its jobs belong to others")
        if self._isolation.is_broken and self._stop_at_s is None:
            self._stop(now_s, "its nursery died", EXIT_RECYCLE)
        if self._stop_at_s is None and self._is_worn_out():
            self._stop(now_s, "it is recycled", EXIT_RECYCLE)
        self._watch_fence()
        self._watch_shutdown(now_s)

    def _on_signal(self, number: int, now_s: float) -> None:
        # "Now" is QUIT: the supervisor's word for its own second signal. A second TERM is the first
        # one heard twice, because service managers signal the whole group.
        if number == signal.SIGQUIT:
            self._interrupt("worker stops now")
            self._producer.give_up()
        elif self._stop_at_s is None:
            self._stop(now_s, "TERM")

    def _stop(self, now_s: float, reason: str, exit_code: int = EXIT_DONE) -> None:
        self._stop_at_s = now_s
        self._exit_code = exit_code
        telemetry.emit(
            "worker.stopped", worker=str(self._worker_id), pid=os.getpid(), reason=reason
        )
        self._producer.stop()

    def _is_worn_out(self) -> bool:
        limits = self._options
        if limits.max_jobs and self._producer.jobs_done >= limits.max_jobs:
            return True
        return bool(limits.max_memory_mb) and resident_mb() > limits.max_memory_mb

    def _watch_fence(self) -> None:
        trusted = self._is_trusted()
        if not trusted and not self._is_fenced and self._board.is_registered:
            telemetry.emit("worker.fenced", worker=str(self._worker_id))
            self._interrupt("its worker could not renew its lease")
        self._is_fenced = not trusted

    def _watch_shutdown(self, now_s: float) -> None:
        if self._stop_at_s is None:
            return
        waited_s = now_s - self._stop_at_s
        if waited_s >= self._options.shutdown_timeout_s * INTERRUPT_AFTER:
            self._interrupt("worker stops")
        if waited_s >= self._options.shutdown_timeout_s:
            self._producer.give_up()

    def _interrupt(self, reason: str) -> None:
        for run in list(self._executor.runs.values()):
            run.interrupted = run.interrupted or reason

    def _is_trusted(self) -> bool:
        """Whether the lease was renewed lately enough to start something, by our own clock."""
        return clock.boottime_s() - self._board.renewed_s < self._options.fence_after_s

    def _register(self, store: Store) -> None:
        if self._board.is_registered:
            return  # A lost row is the supervisor's to notice: an id has one life.
        try:
            with self._engine.connect() as connection:
                schema.verify(connection, self._options.schema)
        except SchemaMismatch as error:
            self._refusal = error
            raise
        asked_s = clock.boottime_s()
        for settings in self._options.queues:
            store.configure_queue(**settings.values(), overwrite=False)
        store.register_worker(
            id=self._worker_id,
            supervisor_id=self._supervisor_id,
            node=self._options.node,
            pid=os.getpid(),
            supervisor_pid=self._supervisor_pid,
            queues=[settings.name for settings in self._options.queues],
            kinds=self._registry.kinds,
            lease_s=self._options.lease_s,
            supervisor_age_s=asked_s - self._options.started_s,
        )
        self._board.renewed(asked_s)
        self._board.set_registered()
        self._board.set_ready()
        telemetry.emit("worker.started", worker=str(self._worker_id), pid=os.getpid())

    def _obey(self, orders: Orders) -> None:
        for key, reason in orders.cancelled.items():
            if run := self._executor.runs.get(key):
                run.cancel_reason = reason
        if orders.is_leader_wanted and self._stop_at_s is None:
            self._leader.run_for_office()


def resident_mb() -> float:
    """Memory of this process; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0
