"""Stands between `make run` and one of its parts, and sees to it that the part never outlives it.

Run by path with the standard library alone (some 15 ms), as the leader of a session of its own:
``guard.py LIFELINE_FD GRACE_S COMMAND…``. The lifeline is a pipe that only the parent holds open
for writing. When the parent ends, however it ends, ``kill -9`` included, the kernel closes it; the
guard reads the end of the file, asks the part to stop, and after GRACE_S kills the whole session.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from types import FrameType


def main(lifeline: int, grace_s: float, command: list[str]) -> int:
    part = subprocess.Popen(command)
    stopping = threading.Event()

    def stop(_signal: int = 0, _frame: FrameType | None = None) -> None:
        stopping.set()
        part.terminate()
        killer = threading.Timer(grace_s, _kill_session)
        killer.daemon = True
        killer.start()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    threading.Thread(target=_when_cut, args=(lifeline, stop), daemon=True).start()

    code = part.wait()
    if stopping.is_set():
        _kill_session()  # What the part left behind goes too: a stop leaves no process.
    return code if code >= 0 else 128 - code


def _when_cut(lifeline: int, stop: Callable[[], None]) -> None:
    os.read(lifeline, 1)  # Nobody ever writes: this returns when the last writer is gone.
    stop()


def _kill_session() -> None:
    os.killpg(0, signal.SIGKILL)  # The guard is in it, so nothing comes after this line.


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]))
