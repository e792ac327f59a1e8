"""Real processes for tests: started, watched by what they print, found by a mark, and ended.

A mark is a variable in the environment that every descendant inherits, so that "leaves no process"
can be asked of the kernel, and so that a test ends exactly what it started.
"""

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.waiting import wait_until

MARK = "TEST_PROCESS_MARK"


class Running:
    """A command in a session of its own, whose output is kept line by line."""

    def __init__(self, command: Sequence[str], *, mark: str, env: Mapping[str, str], cwd: Path):
        self.mark = mark
        self.env = env
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **env, MARK: mark, "PYTHONUNBUFFERED": "1"},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for_line(self, part: str, *, timeout_s: float = 60.0) -> str:
        """The first line that contains ``part``; fails at once when the process ends without it."""

        def found() -> str | None:
            for line in list(self.lines):
                if part in line:
                    return line
            if self.process.poll() is not None and not self._reader.is_alive():
                raise AssertionError(f"ended ({self.process.returncode}):\n{self.output}")
            return None

        try:
            return wait_until(found, timeout_s=timeout_s) or ""
        except AssertionError as error:
            raise AssertionError(f"no line with {part!r}: {error}\n{self.output}") from None

    def wait(self, *, timeout_s: float) -> int:
        code = self.process.wait(timeout_s)
        self._reader.join(5)
        return code

    def signal_group(self, number: signal.Signals) -> None:
        """As a terminal does: to the whole foreground process group."""
        os.killpg(self.process.pid, number)

    def close(self) -> None:
        """Kill whatever is left of it."""
        for pid in marked(self.mark):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(5)
        if self.process.stdout:
            self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout
        with contextlib.suppress(ValueError):  # Closed under us at the end.
            for line in self.process.stdout:
                self.lines.append(line.rstrip())


def marked(mark: str) -> list[int]:
    """The living processes that inherited this mark (Linux only)."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0") and _lives(folder):
                found.append(int(folder.name))
    return found


def _lives(folder: Path) -> bool:
    return "\nState:\tZ" not in (folder / "status").read_text()
