"""Sending one webhook: signed as Standard Webhooks says, to the address that was checked, once.

The address is somebody else's choice, so it is not trusted: it is resolved here, refused when it
lies in a private network (a webhook must not become a way into ours), and the connection is made to
the very address that was checked, so that a name cannot change its meaning in between. No redirect
is followed, and of the answer only the status is kept.
"""

import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from threading import Timer
from urllib.parse import urlsplit

import certifi
import urllib3
from standardwebhooks import Webhook
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

# A receiver has to put the event aside and say so; what takes longer is told again.
TIMEOUT = urllib3.Timeout(connect=5, read=10)
# The whole answer, however slowly it comes: each byte begins the read time-out anew.
ANSWER_WITHIN_S = 15.0
# One whole request: the resolver's own patience (30), to connect and greet (10), the answer (15),
# and to write down what came of it. Who has less time left does not begin one.
REQUEST_MAX_S = 60.0
ERROR_LENGTH_MAX = 200


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event as it will be sent; safe to hold while no transaction is open."""

    delivery_id: str
    event_id: str
    url: str
    secret: str
    type: str
    subject_id: str
    seq: int
    at: datetime
    now: datetime
    previous_secret: str | None = None

    @property
    def body(self) -> str:
        told = {
            "type": self.type,
            "timestamp": self.at.isoformat(),
            "data": {"id": self.subject_id, "seq": self.seq},
        }
        return json.dumps(told, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Answer:
    """``status`` None: there was none, and ``error`` says why."""

    status: int | None
    error: str | None = None

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """410: the receiver wants no more of them."""
        return self.status == 410


class _Impatient:
    """Of a connection: shuts it when its time is over, also in the middle of an answer."""

    def __init__(self, *, within_s: float, **options: object) -> None:
        super().__init__(**options)
        self._cut = Timer(within_s, self._shut)
        self._cut.daemon = True

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]  # of urllib3's class beside this one
        self._cut.start()

    def close(self) -> None:
        self._cut.cancel()
        super().close()  # type: ignore[misc]  # the same

    def _shut(self) -> None:
        # Not the TLS socket's own: that one changes what another thread is reading from.
        with suppress(OSError, TypeError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # type: ignore[attr-defined]


class _Http(_Impatient, HTTPConnection):
    pass


class _Https(_Impatient, HTTPSConnection):
    pass


def send(outgoing: Outgoing, *, allow_private: bool, within_s: float = ANSWER_WITHIN_S) -> Answer:
    """Send it once. What the network or the receiver does is an answer, never an exception."""
    address = urlsplit(outgoing.url)
    host, secure = str(address.hostname), address.scheme == "https"
    try:
        port = address.port or (443 if secure else 80)
        ip = _checked_address(host, port, allow_private=allow_private)
        pool = _pool(ip, port, host, secure=secure, within_s=within_s)
        path = f"{address.path or '/'}{'?' + address.query if address.query else ''}"
        with pool.urlopen(
            "POST",
            path,
            body=outgoing.body.encode(),
            headers={**_signed(outgoing), "Host": address.netloc.rpartition("@")[2]},
            timeout=TIMEOUT,
            retries=False,
            redirect=False,
            preload_content=False,
        ) as response:
            return Answer(response.status)
    except (HTTPError, OSError, ValueError) as error:
        return Answer(None, f"{type(error).__name__}: {error}"[:ERROR_LENGTH_MAX])


def _checked_address(host: str, port: int, *, allow_private: bool) -> str:
    """The first address of the host; ValueError when any of them is not of the public internet."""
    found = {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    private = sorted(ip for ip in found if not ip_address(ip.partition("%")[0]).is_global)
    if private and not allow_private:
        raise ValueError(f"{host} leads to {private[0]}, which is no public address")
    return min(found)


def _pool(
    ip: str, port: int, host: str, *, secure: bool, within_s: float
) -> urllib3.HTTPConnectionPool:
    if not secure:
        plain = urllib3.HTTPConnectionPool(ip, port, within_s=within_s)
        plain.ConnectionCls = _Http
        return plain
    pool = urllib3.HTTPSConnectionPool(
        ip,
        port,
        server_hostname=host,
        assert_hostname=host,
        cert_reqs="CERT_REQUIRED",
        ca_certs=certifi.where(),
        within_s=within_s,
    )
    pool.ConnectionCls = _Https
    return pool


def _signed(outgoing: Outgoing) -> dict[str, str]:
    signatures = [
        Webhook(secret).sign(outgoing.event_id, outgoing.now, outgoing.body)
        for secret in (outgoing.secret, outgoing.previous_secret)
        if secret is not None
    ]
    return {
        "Content-Type": "application/json",
        "User-Agent": "charged-once-webhooks",
        "webhook-id": outgoing.event_id,
        "webhook-timestamp": str(int(outgoing.now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
