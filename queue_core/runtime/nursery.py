"""The process that forks a process for each isolated job, and kills it when told or when alone.

Why a process between: a child has threads, and a fork of a process with threads copies their locks
in the middle of whatever they guard. A fresh interpreter per job would be safe and costs all its
imports each time. So each child forks one nursery before its first thread; the nursery stays
single-threaded, has everything imported, opens nothing and runs no job: its forks are cheap.

Every job has two sockets: `talk` between child and job, `watch` between child and nursery. A byte
or the end of `watch` means "kill it"; when the job's process has ended, its status comes back on
it. So whoever dies takes the rest along: without the child the nursery reads the end of every
watch, without the nursery the kernel kills its children (Linux) or they read the end of `talk`.
The job's process leads a group of its own, so that what it started dies with it.
"""

import contextlib
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path

from queue_core.runtime.child import fork

_FORK, KILL = b"f", b"k"
_QUIET = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
# linux/prctl.h: which signal this process gets when its parent ends.
_PR_SET_PDEATHSIG = 1
# When memory runs out the kernel shall take a job and not the node: higher goes first.
_OOM_SCORE = "500"
CLOSE_TIMEOUT_S = 2.0


class Nursery:
    """The child's end. `bear` may be called by many threads, the rest by the main one."""

    def __init__(self, perform: Callable[[socket.socket], None]) -> None:
        """Forks: call it while there is one thread. `perform` runs in each job's process."""
        self._control, theirs = socket.socketpair()
        self._pid = fork(lambda: _serve(self._control, theirs, perform))
        theirs.close()
        self._is_gone = False

    @property
    def is_alive(self) -> bool:
        if not self._is_gone:
            with contextlib.suppress(ChildProcessError):
                self._is_gone = os.waitpid(self._pid, os.WNOHANG)[0] != 0
        return not self._is_gone

    def bear(self) -> tuple[socket.socket, socket.socket]:
        """Starts a process; gives (talk, watch). OSError when there is no nursery any more."""
        talk, its_talk = socket.socketpair()
        watch, its_watch = socket.socketpair()
        with its_talk, its_watch:
            try:
                socket.send_fds(self._control, [_FORK], [its_talk.fileno(), its_watch.fileno()])
            except OSError:
                talk.close()
                watch.close()
                raise
        return talk, watch

    def close(self) -> None:
        """Kills what still runs and waits for the nursery to go."""
        with contextlib.suppress(OSError):
            self._control.shutdown(socket.SHUT_WR)
            self._control.settimeout(CLOSE_TIMEOUT_S)
            self._control.recv(1)
        self._control.close()


def _serve(parents: socket.socket, control: socket.socket, perform: Callable[..., None]) -> int:
    parents.close()
    # A signal to the group of the node is the supervisor's to interpret; our life is the child's.
    os.setpgid(0, 0)
    for number in _QUIET:
        signal.signal(number, signal.SIG_IGN)
    deaths, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    _Nurse(control, deaths, perform).run()
    return 0


class _Nurse:
    """The nursery's loop."""

    def __init__(
        self, control: socket.socket, deaths: int, perform: Callable[[socket.socket], None]
    ) -> None:
        self._control = control
        self._deaths = deaths
        self._perform = perform
        self._wards: dict[int, socket.socket] = {}  # pid of a job's process -> its watch
        self._doomed: set[int] = set()

    def run(self) -> None:
        is_wanted = True
        while is_wanted:
            heard = [watch for pid, watch in self._wards.items() if pid not in self._doomed]
            ready = wait([self._control, self._deaths, *heard])
            if self._deaths in ready:
                os.read(self._deaths, 4096)
            for pid in [pid for pid, watch in self._wards.items() if watch in ready]:
                self._doomed.add(pid)
                _kill(pid)
            self._reap()
            if self._control in ready:
                is_wanted = self._take_order()
        for pid in self._wards:
            _kill(pid)

    def _reap(self) -> None:
        for pid in list(self._wards):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            _kill_group(pid)  # What it left behind; its number is not given away so soon.
            self._doomed.discard(pid)
            with contextlib.suppress(OSError), self._wards.pop(pid) as watch:
                watch.send(_describe(os.waitstatus_to_exitcode(status)).encode())

    def _take_order(self) -> bool:
        """One order; False when the child is gone."""
        order, files, _, _ = socket.recv_fds(self._control, 1, 2)
        if not order:
            return False
        talk, watch = (socket.socket(fileno=file) for file in files)
        nursery = os.getpid()

        def body() -> int:
            for inherited in (self._control, watch, *self._wards.values()):
                inherited.close()
            _live_alone(nursery)
            self._perform(talk)
            return 0

        try:
            self._wards[fork(body)] = watch
        except OSError as error:
            # No memory or no process left: the job's error, and the next one may have more luck.
            with watch:
                watch.send(f"no process could be started: {error}".encode())
        talk.close()
        return True


def _live_alone(nursery: int) -> None:
    os.setpgid(0, 0)
    # Not SIG_IGN: the programs that a job starts would inherit that and not hear TERM either.
    for number in _QUIET:
        signal.signal(number, lambda *_: None)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(_OOM_SCORE, encoding="ascii")
    if os.getppid() != nursery:
        os._exit(1)  # It died before the kernel was told.


def _kill(pid: int) -> None:
    _kill_group(pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)  # Not yet the leader of its group.


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _describe(code: int) -> str:
    if code >= 0:
        return f"its process ended with exit status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    hint = " (out of memory?)" if -code == signal.SIGKILL else ""
    return f"its process was killed by {name}{hint}"
