"""A process for a worker that may die: forked, watched, and killed with a real SIGKILL.

The watch sees every named point that the worker passes from the start of ``perform`` on, and writes
it to a file first: a killed process tells nothing any more.
"""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from queue_core import checkpoints

# A worker that hangs is ended by the kernel, so that the exercise goes on.
PATIENCE_S = 20


@dataclass
class Watch:
    """``at`` maps the name of a point to what happens there, once, while the worker stands still.

    ``die_at`` is the index of the point that the worker does not outlive.
    """

    file: Path
    die_at: int | None = None
    at: dict[str, Callable[[], None]] = field(default_factory=dict)
    _passed: list[str] = field(default_factory=list)

    def over(self, body: Callable[[], object]) -> None:
        checkpoints.listen(self._reach)
        body()

    def note(self, what: str) -> None:
        self._passed.append(what)
        with self.file.open("a") as file:
            file.write(what + "\n")

    def _reach(self, point: str) -> None:
        if not self._passed and point != "job.started":
            return
        self.note(point)
        if len(self._passed) - 1 == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        if happens := self.at.pop(point, None):
            happens()


def in_a_process(body: Callable[[], object]) -> None:
    """Fork, and wait for the end, whatever it is. Raises TimeoutError when there was none."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):  # Whatever happens: only the parent goes on from here.
            _live(body)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGALRM:
        raise TimeoutError(f"perform has not ended after {PATIENCE_S} seconds")


def _live(body: Callable[[], object]) -> None:
    signal.alarm(PATIENCE_S)
    try:
        body()
    except BaseException:  # noqa: BLE001 - a fault of the exercise, to be seen
        traceback.print_exc()
    finally:
        sys.stdout.flush()  # What the reader's code has printed.
