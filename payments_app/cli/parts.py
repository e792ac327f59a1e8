"""One part of `make run`: a process in a session of its own, its log lines prefixed by its name.

A session of its own means that Ctrl-C in the terminal reaches the parent alone, which then stops
the parts in order. A part that dies is said to have died and is started again, later each time, so
that a part that cannot start does not fill the log; one that ran for a while starts soon.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

GUARD = Path(__file__).with_name("guard.py")
BACKOFF_FIRST_S = 0.5
BACKOFF_MAX_S = 30.0
# A part that ran this long was well: its next death is a new story, not the old one going on.
WELL_AFTER_S = 30.0
# The guard kills at the end of the grace; this much later we do.
KILL_SLACK_S = 0.25

Say = Callable[[str, str], None]


class Lifeline:
    """A pipe that ends when this process does: the guards wait for its end."""

    def __init__(self, *inherited: int) -> None:
        self.reader, self._writer = os.pipe()
        self.inherited = inherited  # Descriptors, such as a lock's, that live as long as the parts.


@dataclass
class Part:
    """A command to keep running. ``grace_s`` is how long it may take to stop when asked."""

    name: str
    command: list[str]
    grace_s: float
    env: Mapping[str, str]
    lifeline: Lifeline
    say: Say
    _process: subprocess.Popen[str] | None = None
    _started_at: float = 0.0
    _backoff_s: float = 0.0
    _restart_at: float | None = None
    _relay: threading.Thread | None = field(default=None, repr=False)

    def start(self) -> None:
        self._started_at = time.monotonic()
        guard = [sys.executable, "-I", "-S", str(GUARD), str(self.lifeline.reader)]
        self._process = subprocess.Popen(
            [*guard, str(self.grace_s), *self.command],
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=(self.lifeline.reader, *self.lifeline.inherited),
        )
        self._relay = threading.Thread(target=self._pass_lines_on, daemon=True)
        self._relay.start()

    @property
    def exit_code(self) -> int | None:
        """None while it runs, or before it was started."""
        return self._process.poll() if self._process else None

    def restart_if_dead(self) -> None:
        """Say that it ended, and start it again after a wait that grows. To be called often."""
        code = self.exit_code
        now = time.monotonic()
        if code is None:
            return
        if self._restart_at is None:
            well = now - self._started_at > WELL_AFTER_S
            grown = min(2 * self._backoff_s, BACKOFF_MAX_S)
            self._backoff_s = BACKOFF_FIRST_S if well else max(BACKOFF_FIRST_S, grown)
            self._restart_at = now + self._backoff_s
            wait = f"{self._backoff_s:g} s"
            self.say("run", f"{self.name} ended ({_meaning(code)}); starting it again in {wait}")
        elif now >= self._restart_at:
            self._restart_at = None
            if code < 0:
                self.kill()  # The guard itself was killed: its part may still hold the port.
            self.start()

    def kill(self) -> None:
        """End every process of the session at once."""
        if self._process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to stop; past its grace the guard kills the session, and past that we do."""
        process = self._process
        if process is None:
            return
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self.grace_s + KILL_SLACK_S)
        # Also when the guard has ended: it may have been killed while its part was not.
        self.kill()
        process.wait()
        if self._relay:
            self._relay.join(1.0)

    def _pass_lines_on(self) -> None:
        assert self._process
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                self.say(self.name, line.rstrip())


def _meaning(code: int) -> str:
    number = -code if code < 0 else code - 128
    if number in set(signal.Signals):
        return f"killed by {signal.Signals(number).name}"
    return f"exit code {code}"
