"""Performs a job in a process of its own, from a thread of the child that waits for it.

For work that keeps the interpreter busy, or that must really end: at its deadline it is killed,
there and then; asked to stop (cancelled, its worker stops or lost its lease) it is told first and
killed a moment later. However the process ends, a segfault, os._exit or the kernel's out-of-memory
killer included, the job is settled like any other. No verdict is given before the process is gone,
so that a next run never meets it.

This bounds what a job can break; it is no sandbox: the process has the rights of its user.
"""

import contextlib
import socket
from collections.abc import Callable
from multiprocessing.connection import wait

from sqlalchemy.orm import Session

from queue_core import clock
from queue_core.errors import JobCancelled, JobInterrupted, JobTimeout, ProcessDied
from queue_core.job import Run
from queue_core.lifecycle import Verdict
from queue_core.registry import Registry
from queue_core.runtime import parcel
from queue_core.runtime.nursery import KILL, Nursery
from queue_core.runtime.performer import perform_one
from queue_core.store import Row

# How soon a wish to stop is noticed.
TICK_S = 0.1
# Told to stop, a job may tidy up this long; and having answered, end its process.
STOP_GRACE_S = 1.0


class Isolation:
    """One per child. Nothing is started where no kind asks for it."""

    def __init__(self, registry: Registry, sessions: Callable[[], Session], schema: str) -> None:
        self._registry = registry
        self._sessions = sessions
        self._schema = schema
        self._nursery: Nursery | None = None

    def open(self) -> None:
        """Before the child's first thread: it forks."""
        if self._registry.isolates:
            self._nursery = Nursery(self._perform_one)

    def close(self) -> None:
        if self._nursery is not None:
            self._nursery.close()

    @property
    def is_broken(self) -> bool:
        """Its nursery died: this child must be replaced."""
        return self._nursery is not None and not self._nursery.is_alive

    def perform(self, row: Row, run: Run) -> Verdict:
        """The verdict on this run, or an exception that says why there is none."""
        assert self._nursery is not None
        try:
            talk, watch = self._nursery.bear()
        except OSError:
            raise JobInterrupted("its worker cannot start processes any more") from None
        with talk, watch:
            return _Attendance(talk, watch, run).until_the_end(parcel.pack_request(row, run))

    def _perform_one(self, talk: socket.socket) -> None:
        perform_one(talk, self._registry, self._sessions, self._schema)


class _Attendance:
    """Watches one process to its end."""

    def __init__(self, talk: socket.socket, watch: socket.socket, run: Run) -> None:
        self._talk = talk
        self._watch = watch
        self._run = run
        self._answer = b""
        self._kill_at_s = run.deadline_s
        self._is_told = self._is_killed = self._is_silent = False

    def until_the_end(self, request: bytes) -> Verdict:
        with contextlib.suppress(OSError):  # It died before it could listen: its status tells.
            self._talk.sendall(request)
        while not (status := self._wait()):
            self._tell()
            if clock.boottime_s() >= self._kill_at_s and not self._is_killed:
                self._is_killed = True
                with contextlib.suppress(OSError):
                    self._watch.send(KILL)
        self._talk.setblocking(False)  # A process that it left behind may hold the other end.
        while not self._is_silent:
            self._hear()
        return self._verdict(status)

    def _wait(self) -> str:
        """What the nursery says about its end; empty while it lives."""
        left_s = TICK_S if self._is_killed else self._kill_at_s - clock.boottime_s()
        sources = [self._watch] if self._is_silent else [self._watch, self._talk]
        ready = wait(sources, max(0.0, min(left_s, TICK_S)))
        if self._talk in ready:
            self._hear()
        if self._watch not in ready:
            return ""
        with contextlib.suppress(OSError):
            return self._watch.recv(4096).decode() or "the process that had started it died"
        return "the process that had started it died"

    def _hear(self) -> None:
        heard = b""
        with contextlib.suppress(OSError):
            heard = self._talk.recv(65536)
        self._answer += heard
        # Whatever comes after the verdict, or is too long for one, is not read.
        self._is_silent = not heard or len(self._answer) > parcel.LINE_MAX
        if self._is_silent or self._answer.endswith(b"\n"):
            self._kill_at_s = min(self._kill_at_s, clock.boottime_s() + STOP_GRACE_S)

    def _tell(self) -> None:
        run = self._run
        if self._is_told or (run.cancel_reason is None and run.interrupted is None):
            return
        self._is_told = True
        self._kill_at_s = min(self._kill_at_s, clock.boottime_s() + STOP_GRACE_S)
        with contextlib.suppress(OSError):
            self._talk.sendall(
                parcel.pack_stop(cancel=run.cancel_reason, interrupt=run.interrupted)
            )

    def _verdict(self, status: str) -> Verdict:
        if self._answer.endswith(b"\n"):
            verdict, self._run.completed = parcel.read_verdict(self._answer)
            return verdict
        if self._is_killed:
            if self._run.cancel_reason is not None:
                raise JobCancelled(self._run.cancel_reason)
            if self._run.interrupted is not None:
                raise JobInterrupted(self._run.interrupted)
            if clock.boottime_s() >= self._run.deadline_s:
                raise JobTimeout("it ran past its deadline, and its process was killed")
            raise ProcessDied("it gave no verdict and was killed")
        raise ProcessDied(status)
