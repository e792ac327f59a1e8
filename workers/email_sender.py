"""Transmit one mail of the outbox: claim, transmit, record.

SMTP has no exactly once. A crash between transmitting and recording leaves the mail ``sending``,
and it is transmitted again with the same Message-ID and the same bytes, so that mail programs show
it once. No transaction is open while a server thinks. Recording needs no lease: it is a fact.
"""

from dataclasses import replace
from pathlib import Path
from typing import assert_never

from payments_app import clock
from payments_app.documents import pdf
from payments_app.documents.frozen import Frozen
from payments_app.jobs import SendEmail
from payments_app.mail import transport
from payments_app.mail.message import Attached, Mail, Unsendable, compose
from payments_app.mail.transport import Delivered, MailUnavailable, Refused
from payments_app.services import documents, emails
from payments_app.services.actor import act_as
from payments_app.services.emails import Attachment, Outgoing
from queue_core import Cancel, Error, Job, Outcome, Worker
from queue_core.checkpoints import reach, register

register("mail.claimed", "mail.transmitted", "mail.recorded")

ACTOR = "worker:email_sender"


class EmailSender(Worker[SendEmail]):
    """Writes mails into ``outbox``, or sends them to ``smtp_url`` when it is set."""

    def __init__(self, *, outbox: Path, smtp_url: str | None = None) -> None:
        self._transport = transport.choose(smtp_url, outbox)

    def perform(self, job: Job[SendEmail]) -> Outcome:
        with job.session() as session:
            act_as(session, ACTOR, job_id=job.id)
            outgoing = emails.claim(session, job.args.delivery_id)
            if outgoing is None:
                job.complete(session)
                return None
        reach("mail.claimed")
        mail = self._with_receipt(job, outgoing)
        try:
            answer = self._transport.send(compose(mail))
        except Unsendable as refusal:
            answer = Refused(str(refusal))
        except MailUnavailable as error:
            return self._put_back(job, str(error))
        reach("mail.transmitted")
        outcome = self._record(job, answer)
        reach("mail.recorded")
        return outcome

    def _with_receipt(self, job: Job[SendEmail], outgoing: Outgoing) -> Mail:
        """A receipt's PDF is made here, not in the transaction that records the capture."""
        document: Frozen | None = outgoing.receipt
        if document is None:
            return outgoing.mail
        content, name = pdf.render(document), pdf.file_name(document)
        with job.session() as session:
            act_as(session, ACTOR, job_id=job.id)
            digest = documents.store(
                session, subject_id=outgoing.subject_id, kind=emails.RECEIPT, content=content
            )
            emails.attach(session, outgoing.delivery_id, Attachment(digest, name))
            kept = documents.by_hash(session, digest)
        return replace(outgoing.mail, attached=Attached(name, kept.media_type, kept.content))

    def _put_back(self, job: Job[SendEmail], reason: str) -> Outcome:
        with job.session() as session:
            act_as(session, ACTOR, job_id=job.id)
            emails.record_failure(session, job.args.delivery_id, reason=reason)
        return Error(reason)

    def _record(self, job: Job[SendEmail], answer: Delivered | Refused) -> Outcome:
        with job.session() as session:
            act_as(session, ACTOR, job_id=job.id)
            match answer:
                case Delivered():
                    now = clock.now(session)
                    emails.record_sent(session, job.args.delivery_id, now=now)
                    job.complete(session)
                    return None
                case Refused(reason):
                    emails.record_bounced(session, job.args.delivery_id, reason=reason)
                    return Cancel(reason)
                case _:
                    assert_never(answer)
