"""Issue a credit note: number it in a commit of its own, then render, store and mail it.

The refund made the note and posted it; here it becomes a document. As with invoices, a crash
anywhere means again from the top, and leads to one number, one document and one mail.
"""

from payments_app import clock
from payments_app.documents import email_texts, pdf
from payments_app.documents.frozen import Frozen
from payments_app.jobs import IssueCreditNote
from payments_app.services import credit_notes, documents, emails
from payments_app.services.actor import act_as
from payments_app.services.emails import Attachment
from queue_core import Job, Outcome, Worker
from queue_core.checkpoints import reach, register

register("credit_note.issued", "credit_note.rendered", "credit_note.stored")

ACTOR = "worker:credit_note_issuer"
KIND = "credit_note"


class CreditNoteIssuer(Worker[IssueCreditNote]):
    """Makes a document of a credit note."""

    def perform(self, job: Job[IssueCreditNote]) -> Outcome:
        with job.session() as session:
            act_as(session, ACTOR, job_id=job.id)
            now = clock.now(session)
            document = credit_notes.issue(session, job.args.credit_note_id, now=now)
        reach("credit_note.issued")
        content = pdf.render(document)
        reach("credit_note.rendered")
        self._store(job, document, content)
        reach("credit_note.stored")
        return None

    def _store(self, job: Job[IssueCreditNote], document: Frozen, content: bytes) -> None:
        text = email_texts.credit_note_sent(document)
        with job.transaction() as session:
            act_as(session, ACTOR, job_id=job.id)
            digest = documents.store(
                session, subject_id=job.args.credit_note_id, kind=KIND, content=content
            )
            emails.queue_email(
                session,
                subject_id=job.args.credit_note_id,
                kind=KIND,
                to=document["customer"]["email"],
                title=text.title,
                body=text.body,
                document=Attachment(digest, pdf.file_name(document)),
            )
