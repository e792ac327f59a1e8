"""A wire between workers and PostgreSQL that a test can cut, mend, and make swallow one reply.

A cut wire is an outage: connections end and new ones are refused, while the test still sees the
database. A mute one is worse: it accepts everything and brings no answer. `swallow` is the moment
that no kill can make: the server has committed, the client never hears of it.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Self

from sqlalchemy.engine import make_url

COMMAND_COMPLETE, READY = ord("C"), ord("Z")


class Wire:
    """Connect to `url`. TLS is off: the wire reads the messages."""

    def __init__(self, database_url: str) -> None:
        target = make_url(database_url)
        self._target = (target.host or "127.0.0.1", target.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = (
            target.set(host="127.0.0.1", port=self._listener.getsockname()[1])
            .update_query_dict({"sslmode": "disable", "gssencmode": "disable"})
            .render_as_string(hide_password=False)
        )
        self.swallowed = threading.Event()
        self._is_cut = self._is_mute = False
        self._tag = b""
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        self._is_cut = True
        for end in list(self._open):
            _hang_up(end)

    def mute(self) -> None:
        self._is_mute = True

    def mend(self) -> None:
        self._is_cut = False

    def swallow(self, tag: bytes) -> None:
        """The next transaction that says so (`UPDATE 3`) commits, and its client hears nothing."""
        self._tag = tag + b"\x00"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # The test is over.
            while True:
                client, _ = self._listener.accept()
                if self._is_cut:
                    client.close()
                    continue
                server = socket.create_connection(self._target)
                self._open |= {client, server}
                for run, source, sink in (
                    (self._ask, client, server),
                    (self._answer, server, client),
                ):
                    threading.Thread(target=run, args=(source, sink), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := client.recv(65536):
                if not self._is_mute:
                    server.sendall(chunk)
        self._end(client, server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        is_swallowing = False
        with contextlib.suppress(OSError):
            for kind, message in _messages(server):
                if self._tag and kind == COMMAND_COMPLETE and message.endswith(self._tag):
                    self._tag, is_swallowing = b"", True
                if is_swallowing and kind == READY:  # The transaction has ended.
                    self.swallowed.set()
                    break
                if not is_swallowing:
                    client.sendall(message)
        self._end(client, server)

    def _end(self, *ends: socket.socket) -> None:
        for end in ends:
            _hang_up(end)
            self._open.discard(end)


def _messages(server: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Whole messages: a byte of type, four of length (itself included), the body."""
    waiting = b""
    while chunk := server.recv(65536):
        waiting += chunk
        while len(waiting) >= 5:
            size = 1 + int.from_bytes(waiting[1:5], "big")
            if len(waiting) < size:
                break
            yield waiting[0], waiting[:size]
            waiting = waiting[size:]


def _hang_up(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
