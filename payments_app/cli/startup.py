"""What `make run` asks before it starts, and how it learns that it shall stop.

Each mistake that a person can make (a port in use, a second start in the same folder) is found
before anything runs, and said with the variable that changes it.
"""

import fcntl
import os
import signal
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

import click

from payments_app import embedded_postgres
from payments_app.process_table import is_running

# A guard gives its part a few seconds to end after its parent was killed.
LEFTOVERS_TIMEOUT_S = 10.0
PROBE_TIMEOUT_S = 2.0
PARENT_CHECK_S = 0.25


class StopRequest:
    """Set by INT, TERM or HUP, and when the process of RUN_PARENT_PID no longer is our parent."""

    def __init__(self) -> None:
        self._requested = threading.Event()
        # Given by the Makefile, so that a make that died while we were starting is noticed as well.
        # Without it a parent may leave, as a shell does after `&`.
        parent = os.environ.get("RUN_PARENT_PID", "")
        self._parent = int(parent) if parent.isdecimal() else None
        self.on_second: Callable[[], None] = lambda: None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    @property
    def requested(self) -> bool:
        if self._parent is not None and os.getppid() != self._parent:
            self._requested.set()
        return self._requested.is_set()

    def wait(self, timeout_s: float) -> bool:
        """True as soon as a stop is requested, False after the time."""
        self._requested.wait(min(timeout_s, PARENT_CHECK_S))
        return self.requested

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._requested.is_set():
            self.on_second()
        self._requested.set()


@contextmanager
def hold_data_dir(data_dir: Path) -> Iterator[int]:
    """One `make run` per DATA_DIR: the descriptor of a lock that its parts share."""
    path = embedded_postgres.prepare_data_dir(data_dir) / "run.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock_or_explain(descriptor, data_dir)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def refuse_taken_port(variable: str, host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise click.ClickException(
                f"{variable} {port} at {host} cannot be used ({error.strerror}). Choose another,"
                f" for example: make run {variable}={port + 1 if port < 65535 else 8080}"
            ) from None


def answers(url: str) -> bool:
    """Does anything take a connection there?"""
    parts = urlsplit(url)
    try:
        with socket.create_connection((parts.hostname, parts.port or 80), PROBE_TIMEOUT_S):
            return True
    except OSError:
        return False


def is_ready(address: str) -> bool:
    """Does the web server say that all parts are up?"""
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=PROBE_TIMEOUT_S) as answer:  # noqa: S310  Our own address.
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _lock_or_explain(descriptor: int, data_dir: Path) -> None:
    """Take the lock; wait when its holder was killed and only its parts are still ending."""
    waited = threading.Event()
    for _ in range(int(LEFTOVERS_TIMEOUT_S / 0.1)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode()
            if holder.isdecimal() and is_running(int(holder)):
                break
            waited.wait(0.1)
        else:
            return
    raise click.ClickException(
        f"DATA_DIR {data_dir} is in use by another `make run` (process {holder}). Stop that one, or"
        " choose a folder and ports of its own, for example:"
        " make run DATA_DIR=.data2 PORT=8001 GATEWAY_PORT=8011"
    )
