"""A threaded HTTP/1.1 server for one WSGI app, which can also misbehave on the wire.

Flask's development server closes every connection and hides its socket, so it can neither keep
connections alive nor reset, hold or cut one. This one reads a request whole, calls the app, and
obeys the order the app left in the environment. A thread per connection: fifty at once are few.
"""

import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import unquote

# Keys of the WSGI environment by which the app speaks to this server.
WIRE = "gateway_simulator.wire"
NOTE = "gateway_simulator.note"

# Longer than any client's time-out worth testing, and still an end.
HOLD_MAX_S = 60.0
HOLD_TICK_S = 0.2
BODY_MAX = 256 * 1024
# Fifty clients connect in the same millisecond; the default backlog of 5 would refuse most.
BACKLOG = 512

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class GatewayServer(ThreadingHTTPServer):
    """Listens as soon as it is made; ``OSError`` says that the port is taken."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = BACKLOG

    def __init__(self, host: str, port: int, app: WsgiApp, *, log: bool = True) -> None:
        super().__init__((host, port), Connection)
        self.app = app
        self.log = log
        self.stopping = threading.Event()

    def server_bind(self) -> None:
        # The parent class asks DNS for our own name here, which can take seconds.
        socket.socket.setsockopt(self.socket, socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is everyday life; anything else deserves its traceback."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError | ValueError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class Connection(BaseHTTPRequestHandler):
    """One client's connection, request after request."""

    server: GatewayServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120

    def do_GET(self) -> None:
        began_s = time.monotonic()
        body = self._body()
        if body is None:
            return
        environ = self._environ(body)
        status, answer = self._called(environ)
        wire = environ.get(WIRE)
        if self.server.log:
            self._log_request(status, wire, environ.get(NOTE, ""), time.monotonic() - began_s)
        self._obey(wire, answer)

    do_POST = do_GET  # noqa: N815 - the base class finds it by this name

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or "Transfer-Encoding" in self.headers:
            self.send_error(411)
            return None
        if int(length) > BODY_MAX:
            self.close_connection = True
            self.send_error(413)
            return None
        return self.rfile.read(int(length))

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": self.server.server_name,
            "SERVER_PORT": str(self.server.server_port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in self.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        return environ

    def _called(self, environ: dict[str, Any]) -> tuple[str, tuple[bytes, bytes]]:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: object = None) -> None:
            started[:] = [status, headers]

        payload = b"".join(self.server.app(environ, start_response))
        status, headers = started
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers), "", ""]
        return status, ("\r\n".join(lines).encode("latin-1"), payload)

    def _obey(self, wire: str | None, answer: tuple[bytes, bytes]) -> None:
        head, payload = answer
        match wire:
            case None:
                self.wfile.write(head + payload)
            case "truncate":
                self.close_connection = True
                self.wfile.write(head + payload[: len(payload) // 2])
            case "hang":
                self.close_connection = True
                self._hold()
            case "reset":
                self.close_connection = True
                self._reset()
            case _:
                self.close_connection = True

    def _hold(self) -> None:
        """Say nothing until the client hangs up, the server stops, or the bound is reached."""
        until_s = time.monotonic() + HOLD_MAX_S
        while time.monotonic() < until_s and not self.server.stopping.is_set():
            readable, _, _ = select.select([self.connection], [], [], HOLD_TICK_S)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return

    def _reset(self) -> None:
        # Linger zero makes close() send RST; detach, or the open file objects would delay it.
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        socket.close(self.connection.detach())

    def _log_request(self, status: str, wire: str | None, note: str, took_s: float) -> None:
        told = wire or status.partition(" ")[0]
        moment = time.strftime("%H:%M:%S")
        line = f"{moment} {self.command} {self.path} {told} {took_s * 1000:.1f}ms {note}"
        sys.stdout.write(line.rstrip() + "\n")
        sys.stdout.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Silence the base class: `_log_request` writes the one line."""
