"""One child as its supervisor sees it: how it was forked, what its board says, why it ended."""

import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from queue_core.runtime.board import Board


@dataclass(slots=True)
class Child:
    """`killed_for` names jobs past their deadline, when the supervisor killed it for them."""

    number: int
    worker_id: UUID
    pid: int
    board: Board
    started_s: float
    kill_reason: str = ""
    overdue: frozenset[tuple[int, int]] = frozenset()

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


def fork(body: Callable[[], int]) -> int:
    """Runs `body` in a new process and ends it with its code; returns the pid to the parent only.

    The parent must have no connection open and no second thread: a child would inherit both, half
    alive.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    gc.freeze()  # What exists now is shared with the children and never scanned again.
    pid = os.fork()
    if pid:
        gc.unfreeze()
        return pid
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        code = body()
    except BaseException:
        # The child must end here, whatever happened: returning would run the parent's code twice.
        logging.getLogger("queue_core").exception("a worker process failed")
    finally:
        # Threads may still run jobs that were given back: no waiting for them, no atexit of the
        # parent's.
        with contextlib.suppress(Exception):
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
