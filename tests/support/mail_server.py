"""A mail server in a thread of the test: it keeps what it gets, or answers as it is told."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from tests.support.ports import free_port


@dataclass
class MailServer:
    """What a server was given. ``to_recipient`` and ``to_data`` are its answers; None is yes."""

    port: int
    to_recipient: str | None = None
    to_data: str | None = None
    breaks_off: bool = False
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    @property
    def messages(self) -> list[EmailMessage]:
        return [
            message_from_bytes(envelope.content, policy=policy.default)
            for envelope in self.envelopes
            if isinstance(envelope.content, bytes)
        ]

    def url(self, scheme: str = "smtp", login: str = "") -> str:
        return f"{scheme}://{login}localhost:{self.port}"

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.to_recipient is None:
            envelope.rcpt_tos.append(address)
        return self.to_recipient or "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, session: Any, envelope: Envelope
    ) -> str:
        if self.breaks_off:
            session.peer_transport.abort()
        elif self.to_data is None:
            self.envelopes.append(envelope)
            self.encrypted.append(session.ssl is not None)
        return self.to_data or "250 Taken"

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name, session.peer_transport = hostname, server.transport
        return responses

    def authenticate(self, _s: Any, _session: Any, _envelope: Any, _way: str, data: Any) -> Any:
        self.logins.append((data.login.decode(), data.password.decode()))
        right = data.password == b"right"
        return AuthResult(success=right, handled=right)


@contextmanager
def mail_server(**options: Any) -> Iterator[MailServer]:
    """A server on a free port; options are those of aiosmtpd's SMTP."""
    server = MailServer(free_port())
    if options.pop("login", False):
        options["authenticator"] = server.authenticate
    controller = Controller(server, hostname="localhost", port=server.port, **options)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@dataclass(frozen=True)
class Certificate:
    """A certificate for ``localhost`` that nobody but its own file vouches for."""

    path: Path

    def server_side(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context


def a_certificate(folder: Path) -> Certificate | None:
    """Made by the openssl command; None where there is none."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None
    path = folder / "localhost.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(path), "-out", str(folder / "certificate.pem")),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + (folder / "certificate.pem").read_text())
    return Certificate(path)
