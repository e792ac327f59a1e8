"""A mail as bytes that are the same in every transmission.

Message-ID, date and boundary come from the stored mail, none from chance or the clock, so that a
second transmission after a crash is a true copy, which mail programs recognise and show once.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

TITLE_LENGTH_MAX = 300


class Unsendable(Exception):
    """The mail cannot be written down: an address or a title is not allowed in a mail's head."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file to attach. ``media_type`` like ``application/pdf``."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail: all that its bytes are made of."""

    message_id: str
    sender_name: str
    sender: str
    recipient: str
    title: str
    body: str
    dated: datetime
    attached: Attached | None = None


def compose(mail: Mail) -> EmailMessage:
    """The message of a mail. Raises Unsendable rather than let a text become a header."""
    for field, text in (("address", mail.recipient), ("title", mail.title)):
        _require_one_line(field, text)
    message = EmailMessage(policy=SMTP)
    message["Message-ID"] = mail.message_id
    message["Date"] = format_datetime(mail.dated)
    message["From"] = Address(mail.sender_name, addr_spec=mail.sender)
    message["To"] = _one_address(mail.recipient)
    message["Subject"] = mail.title
    # No answering machine should answer this (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.body, cte="quoted-printable")
    if mail.attached is not None:
        maintype, _, subtype = mail.attached.media_type.partition("/")
        message.add_attachment(
            mail.attached.content, maintype=maintype, subtype=subtype, filename=mail.attached.name
        )
        # Else it would be random, and the copy differ from the first.
        digest = hashlib.sha256(mail.message_id.encode()).hexdigest()
        message.set_boundary(f"=_{digest[:32]}")
    return message


def _one_address(text: str) -> Address:
    # Parsed by itself: a comma in a "To" would send the invoice to a second reader.
    try:
        address = Address(addr_spec=text)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise Unsendable(f"{text[:80]!r} is not one address: {error}") from None
    if not address.username or not address.domain or not text.isascii():
        raise Unsendable(f"{text[:80]!r} is not one address like name@example.com")
    return address


def _require_one_line(field: str, text: str) -> None:
    # A line break in a header is how a stranger's text becomes our Bcc.
    if not text.strip() or len(text) > TITLE_LENGTH_MAX:
        raise Unsendable(f"the {field} must have 1 to {TITLE_LENGTH_MAX} characters")
    if text.splitlines() != [text]:
        raise Unsendable(f"the {field} has a line break: {text[:80]!r}")
