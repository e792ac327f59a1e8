"""The process that keeps workers alive and answers for them when they die. No job code runs in it.

Single-threaded, and without an open connection whenever it forks. It renews its children's leases,
so that a busy child need not; it releases a dead child's jobs at waitpid, so that they run
elsewhere within a moment; it kills a child that hangs (R12), because threads cannot be stopped
otherwise; it restarts with backoff, and passes signals on. If it is killed itself, its children
stop and the leader of another node takes their jobs after the lease time.
"""

import contextlib
import os
import select
import signal
from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

from queue_core import clock, telemetry
from queue_core.crontab import Cron
from queue_core.registry import Registry
from queue_core.runtime.aftermath import Aftermath
from queue_core.runtime.board import Board
from queue_core.runtime.child import Child, fork
from queue_core.runtime.node import EXIT_DONE, EXIT_RECYCLE, EXIT_REFUSED, Node
from queue_core.runtime.options import RuntimeOptions

TICK_S = 0.2
# A child that dies younger than this makes the next one wait longer: a crash loop must not burn
# the machine.
YOUNG_S = 5.0
RESTART_WAIT_MAX_S = 10.0
# A supervisor that did not look for so long stood still itself: its machine slept, or its container
# was paused, and its children with it. (It waits less for any database.) They get their time anew.
STOOD_STILL_S = 5.0
# A child that was told to stop and has not within this time more than allowed is killed.
STOP_MARGIN_S = 3.0


def run_supervisor(
    options: RuntimeOptions,
    registry: Registry,
    cron: Iterable[Cron] = (),
    *,
    on_ready: Callable[[], None] | None = None,
    install_signal_handlers: bool = True,
) -> int:
    supervisor = Supervisor(options, registry, cron, on_ready)
    with (
        _signals(supervisor.on_signal)
        if install_signal_handlers
        else contextlib.nullcontext(-1) as wakeup
    ):
        return supervisor.run(wakeup)


class Supervisor:
    """`run` returns 0, or 1 when a child refused to start (wrong schema)."""

    def __init__(
        self,
        options: RuntimeOptions,
        registry: Registry,
        cron: Iterable[Cron],
        on_ready: Callable[[], None] | None,
    ) -> None:
        self._options = options
        self._registry = registry
        self._cron = list(cron)
        self._on_ready = on_ready
        self._id = clock.new_id()
        self._children: dict[int, Child] = {}
        self._aftermath = Aftermath(options)
        self._starts: dict[int, float] = dict.fromkeys(
            range(options.processes), 0.0
        )  # number -> not before
        self._young_deaths: dict[int, int] = {}
        self._signals: list[int] = []
        self._stop_at_s: float | None = None
        self._next_renewal_s = 0.0
        self._looked_s = self._awake_s = clock.boottime_s()
        self._exit_code = 0

    def on_signal(self, number: int, _: object = None) -> None:
        # Only remembered: the loop acts, a handler may interrupt any line.
        if number != signal.SIGCHLD:
            self._signals.append(number)

    def run(self, wakeup: int = -1) -> int:
        try:
            while True:
                self._obey_signals()
                self._reap_children()
                self._start_children()
                self._watch_children()
                self._aftermath.work_off()
                self._renew()
                if not self._children and not self._starts:
                    break
                _wait(wakeup, TICK_S)
        finally:
            for child in self._children.values():
                child.signal(signal.SIGKILL)
            self._aftermath.finish()
        return self._exit_code

    def _obey_signals(self) -> None:
        while self._signals:
            is_now = self._signals.pop(0) == signal.SIGQUIT or self._stop_at_s is not None
            self._stop(signal.SIGQUIT if is_now else signal.SIGTERM)

    def _stop(self, number: int) -> None:
        self._stop_at_s = self._stop_at_s or clock.boottime_s()
        self._starts.clear()
        for child in self._children.values():
            child.signal(number)

    def _start_children(self) -> None:
        now_s = clock.boottime_s()
        for number in [number for number, at_s in self._starts.items() if at_s <= now_s]:
            del self._starts[number]
            self._aftermath.disconnect()
            self._start(number, clock.new_id(), Board(now_s), now_s)

    def _start(self, number: int, worker_id: UUID, board: Board, now_s: float) -> None:
        supervisor = (self._id, os.getpid())
        pid = fork(
            lambda: Node(
                self._options,
                self._registry,
                self._cron,
                board=board,
                worker_id=worker_id,
                supervisor=supervisor,
            ).run()
        )
        self._children[pid] = Child(number, worker_id, pid, board, now_s)
        telemetry.emit("worker.forked", worker=str(worker_id), pid=pid)

    def _reap_children(self) -> None:
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._bury(self._children.pop(pid), os.waitstatus_to_exitcode(status))

    def _bury(self, child: Child, code: int) -> None:
        """Its jobs go back at once, before anything else is thought of."""
        in_order = code in {EXIT_DONE, EXIT_RECYCLE} and child.board.is_done
        told = "worker.exited" if in_order else "worker.died"
        telemetry.emit(told, worker=str(child.worker_id), pid=child.pid, status=code)
        self._aftermath.take(child, in_order=in_order or self._stop_at_s is not None)
        self._aftermath.work_off()
        if code == EXIT_REFUSED:
            self._exit_code = 1
            self._stop(signal.SIGTERM)
        is_finished = in_order and code == EXIT_DONE and self._options.stop_when_empty
        if self._stop_at_s is None and not is_finished:
            self._starts[child.number] = clock.boottime_s() + self._restart_wait_s(
                child, in_order=in_order
            )

    def _restart_wait_s(self, child: Child, *, in_order: bool) -> float:
        if in_order or clock.boottime_s() - child.started_s > YOUNG_S:
            self._young_deaths.pop(child.number, None)
            return 0.0
        deaths = self._young_deaths.get(child.number, 0) + 1
        self._young_deaths[child.number] = deaths
        return float(min(0.1 * 2**deaths, RESTART_WAIT_MAX_S))

    def _watch_children(self) -> None:
        now_s = clock.boottime_s()
        if now_s - self._looked_s > STOOD_STILL_S:
            self._awake_s = now_s
        self._looked_s = now_s
        late_s = now_s - self._options.deadline_grace_s
        for child in self._children.values():
            if now_s - max(child.board.beat_s, self._awake_s) > self._options.hung_after_s:
                self._kill(child, "it has not beaten")
            overdue = frozenset(
                (one.id, one.lease)
                for one in child.board.started()
                if max(one.deadline_s, self._awake_s) < late_s
            )
            if overdue:
                child.overdue = child.overdue or overdue
                self._kill(child, "a job ran past its deadline and its grace")
            limit_s = self._options.shutdown_timeout_s + STOP_MARGIN_S
            if self._stop_at_s is not None and now_s - self._stop_at_s > limit_s:
                self._kill(child, "it did not stop in time")
        is_complete = bool(self._children) and not self._starts
        if self._on_ready is not None and is_complete and self._are_ready():
            self._on_ready()
            self._on_ready = None

    def _are_ready(self) -> bool:
        return all(child.board.is_ready for child in self._children.values())

    def _kill(self, child: Child, reason: str) -> None:
        if not child.kill_reason:
            child.kill_reason = reason
            telemetry.emit(
                "worker.killed", worker=str(child.worker_id), pid=child.pid, reason=reason
            )
        child.signal(signal.SIGKILL)

    def _renew(self) -> None:
        now_s = clock.boottime_s()
        children = [child for child in self._children.values() if child.board.is_registered]
        if not children or now_s < self._next_renewal_s:
            return
        done = self._aftermath.renew(children)
        # After a failure soon again: the lease is running.
        self._next_renewal_s = clock.boottime_s() + (self._options.renew_every_s if done else 0.5)


@contextlib.contextmanager
def _signals(on_signal: Callable[[int, object], None]) -> Iterator[int]:
    """Handlers for TERM, INT, QUIT and CHLD, and a pipe that wakes the loop for each of them."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    before_fd = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGCHLD)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield reader
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before_fd)
        os.close(reader)
        os.close(writer)


def _wait(wakeup: int, seconds: float) -> None:
    ready, _, _ = select.select([wakeup] if wakeup >= 0 else [], [], [], seconds)
    if ready:
        with contextlib.suppress(BlockingIOError):
            os.read(wakeup, 4096)
