"""Sending one webhook: signed as Standard Webhooks says, to the address that was checked, once.

The address is somebody else's choice, so it is not trusted: it is resolved here, refused when it
lies in a private network (a webhook must not become a way into ours), and the connection is made to
the very address that was checked, so that a name cannot change its meaning in between. No redirect
is followed, and of the answer only the status is kept.
"""

import json
import socket
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from urllib.parse import urlsplit

import certifi
import urllib3
from standardwebhooks import Webhook
from urllib3.exceptions import HTTPError

TIMEOUT = urllib3.Timeout(connect=5, read=15)
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


def send(outgoing: Outgoing, *, allow_private: bool) -> Answer:
    """Send it once. What the network or the receiver does is an answer, never an exception."""
    address = urlsplit(outgoing.url)
    host, secure = str(address.hostname), address.scheme == "https"
    try:
        port = address.port or (443 if secure else 80)
        ip = _checked_address(host, port, allow_private=allow_private)
        pool = _pool(ip, port, host, secure=secure)
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


def _pool(ip: str, port: int, host: str, *, secure: bool) -> urllib3.HTTPConnectionPool:
    if not secure:
        return urllib3.HTTPConnectionPool(ip, port)
    return urllib3.HTTPSConnectionPool(
        ip,
        port,
        server_hostname=host,
        assert_hostname=host,
        cert_reqs="CERT_REQUIRED",
        ca_certs=certifi.where(),
    )


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
