"""`/metrics` of one node: a process of its own beside the workers, forked before them.

The supervisor forks, so it may have neither a second thread nor a server in its loop; and a worker
that hangs must not silence the numbers that show it. The port is bound before the fork, so that a
port in use is an error at the start. The process ends with the supervisor, also when that is
killed.
"""

import os
import shutil
import signal
import socketserver
import struct
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app, values
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from queue_core import clock
from queue_core.errors import QueueError
from queue_core.metrics.counters import attach

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
POLL_S = 0.5
READ_TRIES, READ_AGAIN_S = 20, 0.02


@contextmanager
def serving(port: int, host: str = "127.0.0.1") -> Iterator[None]:
    """Counts the events of this process and its children while the block runs, and serves them."""
    with _files() as folder:
        pid = _fork(_bind(host, port), folder)
        end = attach(registry=None)
        try:
            yield
        finally:
            end()
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


@contextmanager
def _files() -> Iterator[Path | None]:
    """Switches prometheus_client to files; gives their folder when it is ours to remove."""
    if os.environ.get(FOLDER):
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="queue-metrics-"))
    os.environ[FOLDER] = str(folder)
    # It decided when it was first imported, which was before there was a folder.
    before = values.ValueClass
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    try:
        yield folder
    finally:
        values.ValueClass = before
        del os.environ[FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


def _bind(host: str, port: int) -> WSGIServer:
    registry = CollectorRegistry()
    registry.register(Files())
    try:
        return make_server(host, port, make_wsgi_app(registry), _Server, _QuietHandler)
    except OSError as error:
        raise QueueError(f"metrics cannot be served on {host}:{port}: {error}") from None


class Files(Collector):
    """All files of all children. One that is just being made reads as broken for a moment, and so
    would the whole scrape.
    """

    def __init__(self) -> None:
        self._all = MultiProcessCollector(None)  # type: ignore[no-untyped-call]

    def collect(self) -> Iterable[Metric]:
        for _ in range(READ_TRIES):
            try:
                return list(self._all.collect())  # type: ignore[no-untyped-call]
            except (struct.error, RuntimeError, ValueError):
                clock.pause(READ_AGAIN_S)
        return list(self._all.collect())  # type: ignore[no-untyped-call]


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """Threads, because a client that sends nothing would keep the next one out."""

    daemon_threads = True
    parent_pid = 0
    folder: Path | None = None

    def server_bind(self) -> None:
        # Not WSGIServer's: it asks the resolver for a name, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[0], self.server_address[1]  # type: ignore[assignment]  # IPv4 or a name
        self.setup_environ()

    def service_actions(self) -> None:
        if os.getppid() != self.parent_pid:
            if self.folder is not None:
                shutil.rmtree(self.folder, ignore_errors=True)
            os._exit(0)


class _QuietHandler(WSGIRequestHandler):
    timeout = 10  # A client that says nothing is let go.

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """A scrape every few seconds is no news."""


def _fork(server: WSGIServer, folder: Path | None) -> int:
    parent_pid = os.getpid()
    pid = os.fork()
    if pid:
        server.server_close()  # The child's; workers forked later must not inherit it.
        return pid
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # Ctrl-C goes to the whole group of a terminal; numbers are served until the workers ended.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert isinstance(server, _Server)
        server.parent_pid, server.folder = parent_pid, folder
        server.serve_forever(POLL_S)
    finally:
        os._exit(1)
