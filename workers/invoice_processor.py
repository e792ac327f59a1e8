"""Send an invoice: number it, render it, store it and queue its mail.

Two commits. The first gives number, ledger posting and frozen document data; the second stores the
PDF, queues the mail and completes the job. Rendering happens between them, outside any transaction,
from the frozen data alone. A crash anywhere means "again from the top": what has its number keeps
it, equal bytes are stored once, and one mail exists per invoice.
"""

from dataclasses import dataclass

from payments_app import clock
from payments_app.documents import email_texts, pdf
from payments_app.documents.frozen import Frozen
from payments_app.domain.errors import DomainError, NotFound, VersionConflict
from payments_app.domain.invoice import InvoiceStatus
from payments_app.jobs import FinalizeInvoice
from payments_app.services import documents, emails, invoices
from payments_app.services.actor import act_as
from payments_app.services.emails import Attachment
from queue_core import Cancel, Error, Job, Outcome, Worker
from queue_core.checkpoints import reach, register

register("invoice.finalized", "invoice.rendered", "invoice.stored")

ACTOR = "worker:invoice_processor"
KIND = "invoice"


@dataclass(frozen=True, slots=True)
class Numbered:
    """An invoice that has its number, as values."""

    invoice_id: str
    document: Frozen
    public_token: str
    void: bool


class InvoiceProcessor(Worker[FinalizeInvoice]):
    """``base_url`` is where customers reach the hosted page: it goes into the mail's link."""

    def __init__(self, *, base_url: str = "http://127.0.0.1:8000") -> None:
        self._base_url = base_url.rstrip("/")

    def perform(self, job: Job[FinalizeInvoice]) -> Outcome:
        try:
            invoice = self._finalize(job)
        except VersionConflict as conflict:
            return Error(str(conflict))  # edited this very moment: look again
        except DomainError as refusal:
            return self._give_back(job, refusal)
        reach("invoice.finalized")
        if invoice.void:
            return Cancel("the invoice was voided before it was sent")
        content = pdf.render(invoice.document)
        reach("invoice.rendered")
        self._store(job, invoice, content)
        reach("invoice.stored")
        return None

    def _finalize(self, job: Job[FinalizeInvoice]) -> Numbered:
        with job.session() as session:
            act_as(session, ACTOR, job_id=job.id)
            now = clock.now(session)
            invoice = invoices.finalize(session, job.args.invoice_id, now=now)
            assert invoice.document, f"{invoice.id} has a number and no document"
            return Numbered(
                invoice_id=invoice.id,
                document=invoice.document,
                public_token=invoice.public_token,
                void=invoice.status is InvoiceStatus.VOID,
            )

    def _give_back(self, job: Job[FinalizeInvoice], refusal: DomainError) -> Outcome:
        """The draft cannot be sent as it is: its author may change it and ask again."""
        if not isinstance(refusal, NotFound):
            with job.session() as session:
                act_as(session, ACTOR, job_id=job.id)
                invoices.withdraw_finalize(session, job.args.invoice_id)
        return Cancel(f"{refusal.field}: {refusal}" if refusal.field else str(refusal))

    def _store(self, job: Job[FinalizeInvoice], invoice: Numbered, content: bytes) -> None:
        document = invoice.document
        text = email_texts.invoice_sent(document, f"{self._base_url}/i/{invoice.public_token}")
        with job.transaction() as session:
            act_as(session, ACTOR, job_id=job.id)
            digest = documents.store(
                session, subject_id=invoice.invoice_id, kind=KIND, content=content
            )
            emails.queue_email(
                session,
                subject_id=invoice.invoice_id,
                kind=KIND,
                to=document["customer"]["email"],
                title=text.title,
                body=text.body,
                document=Attachment(digest, pdf.file_name(document)),
            )
