"""Handing a mail over: to a folder (the default, so that everything can be looked at) or by SMTP.

A refusal for good is an answer, a value; everything else that goes wrong is an exception, because
nobody knows whether the mail went through, and it is tried again with the same Message-ID.
"""

import ipaddress
import os
import smtplib
import ssl
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, unquote, urlsplit

# Longer than a slow server's greeting (RFC 5321 allows minutes, good ones take seconds), shorter
# than the patience of whoever stops the workers.
TIMEOUT_S = 20.0
SUBMISSION_PORT = 587
SUBMISSIONS_PORT = 465
PERMANENT_FROM = 500  # RFC 5321, 4.2.1: 5yz is permanent, 4yz may pass


@dataclass(frozen=True, slots=True)
class Delivered:
    """The next hop has taken responsibility for the mail."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The other side will never take this mail."""

    reason: str


class MailUnavailable(Exception):
    """The mail did not get through this time, or nobody knows. Try again."""


class Transport(Protocol):
    """Where mails go."""

    def send(self, message: EmailMessage) -> Delivered | Refused:
        """Hand over one message. Raises MailUnavailable."""


class FileTransport:
    """Writes ``<message id>.eml`` into a folder. The same mail again replaces the same file."""

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox

    def send(self, message: EmailMessage) -> Delivered | Refused:
        name = _file_name(message)
        # Written aside and renamed: a reader sees a whole mail or none, also after a power cut.
        # Process and thread in the name: two runs of one mail must not write into one file.
        aside = self._outbox / f".{name}.{os.getpid()}-{threading.get_ident()}"
        try:
            self._outbox.mkdir(parents=True, exist_ok=True)
            with aside.open("wb") as file:
                file.write(message.as_bytes())
                file.flush()
                os.fsync(file.fileno())
            aside.replace(self._outbox / name)
            _sync_folder(self._outbox)
        except OSError as error:
            raise MailUnavailable(f"cannot write into {self._outbox}: {error.strerror}") from error
        return Delivered()


class SmtpTransport:
    """Speaks to one server: ``smtp://user:password@host:587`` or ``smtps://…:465``."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._url = urlsplit(url)
        self._timeout_s = timeout_s

    def send(self, message: EmailMessage) -> Delivered | Refused:
        try:
            server = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise MailUnavailable(f"no mail server: {_said(error)}") from error
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, said = next(iter(error.recipients.values()))
            return _refusal(code, said)
        except smtplib.SMTPDataError as error:
            return _refusal(error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            raise MailUnavailable(f"the mail server broke off: {_said(error)}") from error
        finally:
            # After the end of data the mail is theirs: a failing QUIT must not send it again.
            server.close()
        return Delivered()

    def _connect(self) -> smtplib.SMTP:
        host = self._url.hostname or "localhost"
        tls = ssl.create_default_context()
        server: smtplib.SMTP
        if self._url.scheme == "smtps":
            server = smtplib.SMTP_SSL(
                host, self._url.port or SUBMISSIONS_PORT, timeout=self._timeout_s, context=tls
            )
        else:
            server = smtplib.SMTP(host, self._url.port or SUBMISSION_PORT, timeout=self._timeout_s)
        try:
            server.ehlo_or_helo_if_needed()
            if self._url.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=tls)
            self._log_in(server, host)
        except BaseException:
            server.close()
            raise
        return server

    def _log_in(self, server: smtplib.SMTP, host: str) -> None:
        if self._url.username is None:
            return
        if not isinstance(server.sock, ssl.SSLSocket) and not _is_loopback(host):
            raise smtplib.SMTPException(
                f"{host} offers no encryption: the password of SMTP_URL is not sent in the clear"
            )
        server.login(*_credentials(self._url))


def choose(smtp_url: str | None, outbox: Path) -> Transport:
    """SMTP when an address is set, else files."""
    return SmtpTransport(smtp_url) if smtp_url else FileTransport(outbox)


def _file_name(message: EmailMessage) -> str:
    local = str(message["Message-ID"]).strip("<> ").partition("@")[0]
    return "".join(char if char.isalnum() or char in "_-" else "_" for char in local) + ".eml"


def _sync_folder(folder: Path) -> None:
    # The rename itself is only on disk when the folder is.
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _refusal(code: int, said: bytes | str) -> Refused:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    if code >= PERMANENT_FROM:
        return Refused(f"{code} {text}")
    raise MailUnavailable(f"{code} {text}")


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{error.smtp_code} {error.smtp_error!r}"
    return str(error) or type(error).__name__


def _credentials(url: SplitResult) -> tuple[str, str]:
    return unquote(url.username or ""), unquote(url.password or "")


def _is_loopback(host: str) -> bool:
    # By name alone: a resolver could be lied to, and the password is worth more than the comfort.
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
