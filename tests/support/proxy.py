"""A wire between a client and PostgreSQL that can eat the reply to COMMIT.

The commit happens, its CommandComplete never arrives, and the connection is gone: the client cannot
know whether its transaction counts. No server and no kill can make that moment; only the wire can.
Speaks plain PostgreSQL messages, so the client must connect with ``sslmode=disable``.
"""

import contextlib
import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from sqlalchemy.engine import make_url

COMMITTED = b"COMMIT\x00"
COMMAND_COMPLETE = ord("C")


class CommitEater:
    """``with CommitEater(url) as wire: wire.eat(nth=1)`` and connect to ``wire.url``.

    Counts the COMMITs that were answered since ``eat``; the ``nth`` reply is dropped together with
    its connection. ``saying``: only COMMITs of transactions in which the client said that.
    """

    def __init__(self, database_url: str) -> None:
        target = make_url(database_url)
        self._target = (target.host or "127.0.0.1", target.port or 5432)
        self._listener = socket.create_server(("127.0.0.1", 0))
        port = self._listener.getsockname()[1]
        self.url = (
            target.set(host="127.0.0.1", port=port)
            .update_query_dict({"sslmode": "disable", "gssencmode": "disable"})
            .render_as_string(hide_password=False)
        )
        self.eaten = 0
        self._lock = threading.Lock()
        self._left = 0
        self._saying = b""
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._listener.close()
        for end in list(self._open):
            _cut(end)

    def eat(self, *, nth: int = 1, saying: bytes = b"") -> None:
        with self._lock:
            self._left, self._saying = nth, saying

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return  # The test is over.
            self._open |= {client, server}
            said = _Said()
            for run, source, sink in (
                (self._ask, client, server),
                (self._answer, server, client),
            ):
                threading.Thread(target=run, args=(source, sink, said), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, said: "_Said") -> None:
        with contextlib.suppress(OSError):
            while chunk := client.recv(65536):
                said.add(chunk)
                server.sendall(chunk)
        self._hang_up(client, server)

    def _answer(self, server: socket.socket, client: socket.socket, said: "_Said") -> None:
        with contextlib.suppress(OSError):
            for kind, message in _messages(server):
                committed = kind == COMMAND_COMPLETE and message.endswith(COMMITTED)
                if committed and self._is_eaten(said.take()):
                    break
                client.sendall(message)
        self._hang_up(client, server)

    def _is_eaten(self, transaction: bytes) -> bool:
        with self._lock:
            if self._left == 0 or self._saying not in transaction:
                return False
            self._left -= 1
            self.eaten += self._left == 0
            return self._left == 0

    def _hang_up(self, *ends: socket.socket) -> None:
        for end in ends:
            _cut(end)
            self._open.discard(end)


class _Said:
    """What the client has sent since its last commit."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bytes = b""

    def add(self, chunk: bytes) -> None:
        with self._lock:
            self._bytes += chunk

    def take(self) -> bytes:
        with self._lock:
            taken, self._bytes = self._bytes, b""
            return taken


def _messages(server: socket.socket) -> Iterator[tuple[int, bytes]]:
    """Whole messages of the server: a byte of type, four of length (itself included), the body."""
    waiting = b""
    while chunk := server.recv(65536):
        waiting += chunk
        while len(waiting) >= 5:
            size = 1 + int.from_bytes(waiting[1:5], "big")
            if len(waiting) < size:
                break
            yield waiting[0], waiting[:size]
            waiting = waiting[size:]


def _cut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
