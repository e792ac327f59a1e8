"""The outbox: a mail is queued in the transaction of what it tells about, and sent by a job.

At most one mail per (subject, kind) exists, whoever queues it again. The Message-ID is made from
the row's id, so that every transmission of one mail carries the same one: after a crash between
transmitting and recording it is sent again, and mail programs show it once.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

import queue_core
from payments_app.documents.frozen import Frozen
from payments_app.documents.seller import SELLER
from payments_app.domain.email import EmailDelivery, EmailStatus
from payments_app.domain.errors import InvalidTransition, NotFound
from payments_app.jobs import SendEmail
from payments_app.mail.message import Attached, Mail
from payments_app.services import documents

# The kind of mail that gets its document when it is sent: no PDF is made inside a capture.
RECEIPT = "receipt"

_QUEUE = text(
    "INSERT INTO email_deliveries (id, subject_id, kind, status, to_address, title, body,"
    " document_hash, document_name, message_id, version)"
    " SELECT id, :subject_id, :kind, 'queued', :to_address, :title, :body,"
    " :document_hash, :document_name, '<' || id || '@' || CAST(:domain AS text) || '>', 1"
    " FROM (SELECT new_id('mail') AS id) AS made"
    " ON CONFLICT (subject_id, kind) DO NOTHING RETURNING id"
)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A stored file by its hash, and the name that the reader sees."""

    hash: str
    name: str


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One mail to transmit, as values: safe to hold while no transaction is open.

    ``receipt`` is what the PDF of a receipt is made of, while it has not been made.
    """

    delivery_id: str
    subject_id: str
    mail: Mail
    receipt: Frozen | None


def queue_email(
    session: Session,
    *,
    subject_id: str,
    kind: str,
    to: str,
    title: str,
    body: str,
    document: Attachment | None = None,
) -> str | None:
    """Queue the one mail of this kind about this subject, with its job, and return its id.

    None: it exists already.

    Never refuses an address: a capture must not fail because its receipt cannot be delivered. The
    sender checks, and a mail that cannot be sent ends as bounced, where people see it.
    """
    # On the connection: what else this transaction has changed need not be written before.
    delivery_id = (
        session.connection()
        .execute(
            _QUEUE,
            {
                "subject_id": subject_id,
                "kind": kind,
                "to_address": to,
                "title": title,
                "body": body,
                "document_hash": document.hash if document else None,
                "document_name": document.name if document else None,
                "domain": SELLER.mail_domain,
            },
        )
        .scalar_one_or_none()
    )
    if delivery_id is not None:
        queue_core.insert(session, SendEmail(delivery_id=delivery_id))
    return delivery_id


def claim(session: Session, delivery_id: str) -> Outgoing | None:
    """Take a mail for transmission. None when it is sent or bounced. Raises NotFound.

    One that is ``sending`` already was claimed by a run that never recorded its end. Whether it was
    transmitted nobody knows, so it is transmitted again.
    """
    delivery = _lock(session, delivery_id)
    if delivery.status in (EmailStatus.SENT, EmailStatus.BOUNCED):
        return None
    if delivery.status is EmailStatus.QUEUED:
        delivery.move("send")
        session.flush()
    return _outgoing(session, delivery)


def attach(session: Session, delivery_id: str, document: Attachment) -> None:
    """Add the document that was rendered for this mail. The first one stays."""
    delivery = _lock(session, delivery_id)
    if delivery.document_hash is None:
        delivery.document_hash, delivery.document_name = document.hash, document.name
        session.flush()


def record_sent(session: Session, delivery_id: str, *, now: datetime) -> None:
    """The mail was handed over. A fact: recorded whoever reports it, and once."""
    delivery = _lock(session, delivery_id)
    if delivery.status is EmailStatus.QUEUED:
        # A run that lost its lease has put the mail back while this one transmitted it.
        delivery.move("send")
        session.flush()
    if delivery.status is EmailStatus.SENDING:
        delivery.move("deliver")
        delivery.sent_at, delivery.last_error = now, None
        session.flush()


def record_bounced(session: Session, delivery_id: str, *, reason: str) -> None:
    """The receiving side refused this mail for good. Only a person may send it again."""
    delivery = _lock(session, delivery_id)
    if delivery.status is EmailStatus.SENDING:
        delivery.move("bounce")
        delivery.last_error = reason
        session.flush()


def record_failure(session: Session, delivery_id: str, *, reason: str) -> None:
    """It did not get through this time: back to the queue, with the reason to look at."""
    delivery = _lock(session, delivery_id)
    if delivery.status is EmailStatus.SENDING:
        delivery.move("requeue")
        delivery.last_error = reason
        session.flush()


def send_again(session: Session, delivery_id: str) -> EmailDelivery:
    """A person wants a bounced or stuck mail tried again. Raises InvalidTransition if sent."""
    delivery = _lock(session, delivery_id)
    if delivery.status is EmailStatus.SENT:
        raise InvalidTransition("mail", "sent", "be sent again")
    if delivery.status is EmailStatus.BOUNCED:
        delivery.move("requeue")
        session.flush()
    queue_core.insert(session, SendEmail(delivery_id=delivery.id), wake=True)
    return delivery


def _lock(session: Session, delivery_id: str) -> EmailDelivery:
    delivery = session.execute(
        select(EmailDelivery)
        .where(EmailDelivery.id == delivery_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if delivery is None:
        raise NotFound("mail", delivery_id)
    return delivery


def _outgoing(session: Session, delivery: EmailDelivery) -> Outgoing:
    attached, receipt = None, None
    if delivery.document_hash is not None:
        file = documents.by_hash(session, delivery.document_hash)
        name = delivery.document_name or "document.pdf"
        attached = Attached(name, file.media_type, file.content)
    elif delivery.kind == RECEIPT:
        receipt = documents.receipt_of(session, delivery.subject_id)
    mail = Mail(
        message_id=delivery.message_id,
        sender_name=SELLER.name,
        sender=SELLER.email,
        recipient=delivery.to_address,
        title=delivery.title,
        body=delivery.body,
        dated=delivery.created_at,
        attached=attached,
    )
    return Outgoing(delivery.id, delivery.subject_id, mail, receipt)
