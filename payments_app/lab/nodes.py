"""The machines of a run: nodes that are really frozen, and worker processes that are really killed.

A node is a supervisor with one worker process in a process group of its own. Killing a worker
process is what the kernel does to one that runs out of memory: its supervisor notices, gives its
jobs back and starts another. Freezing a node stops the whole group, as a paused virtual machine is
stopped: nobody notices, and only its lease runs out.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from payments_app.process_table import is_running

ROOT = Path(__file__).parent.parent.parent
NURSERY = "payments_app.cli.lab_nursery"
GONE_TIMEOUT_S = 5.0
LOOK_EVERY_S = 0.005
# Settings of whoever starts the lab must not reach its workers: each order brings its own.
OURS = ("CHECKPOINTS", "DATABASE_URL", "GATEWAY_URL", "GATEWAY_PORT", "SMTP_URL", "QUEUES")


class Nursery:
    """A process that has everything loaded and forks nodes. Safe to share between threads."""

    def __init__(self) -> None:
        env = {name: value for name, value in os.environ.items() if name not in OURS}
        self._process = subprocess.Popen(
            [sys.executable, "-m", NURSERY],
            cwd=ROOT,
            env={**env, "FLASK_SKIP_DOTENV": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._lock = threading.Lock()
        self._is_ready = False

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def start_node(self, order: Mapping[str, Any]) -> "Node":
        """A new node; returns when it is forked, before it works."""
        with self._lock:
            self._await_ready()
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()
            return Node(str(order["node"]), int(self._line()))

    def close(self) -> None:
        """End it, and with it every node that still lives."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        self._process.wait(GONE_TIMEOUT_S)

    def _await_ready(self) -> None:
        if not self._is_ready:
            self._line()
            self._is_ready = True

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the lab's workers did not start: {self._process.wait()}")
        return line


@dataclass
class Node:
    """One machine: the process group that its supervisor leads."""

    name: str
    group: int
    is_frozen: bool = field(default=False)

    def freeze(self) -> None:
        os.killpg(self.group, signal.SIGSTOP)
        self.is_frozen = True

    def wake(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGCONT)
        self.is_frozen = False

    def stop(self) -> None:
        """End all of it at once: what it held is the lab's, and nobody waits for it."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.group, signal.SIGKILL)
        until_gone(self.group)


def kill(pid: int) -> None:
    """SIGKILL a worker process, and return when the kernel has really ended it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    until_gone(pid)


def until_gone(pid: int) -> None:
    """Wait until the process has ended: gone, or waiting to be buried by its parent."""
    deadline = time.monotonic() + GONE_TIMEOUT_S
    while is_running(pid):
        if time.monotonic() > deadline:
            raise RuntimeError(f"process {pid} was killed and did not end")
        threading.Event().wait(LOOK_EVERY_S)
