"""The office that your InvoiceProcessor works in: drafts, a counter, a printer and the post.

The first four verbs are given a session: what they do is part of its transaction, and is rolled
back with it. The printer and the post are outside. The printer is slow; and what the post has
taken, nobody brings back.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from queue_core import Job, JobArgs, Worker
from queue_core.checkpoints import reach, register

# Each is a place at which a worker will be killed.
register(
    "office.number_taken",
    "office.number_written",
    "office.drawing",
    "office.drawn",
    "office.document_kept",
    "office.mail_sent",
)

_READ = text("SELECT * FROM office.invoices WHERE id = :id FOR UPDATE")
_TAKE = text("UPDATE office.counter SET next = next + 1 RETURNING next - 1")
_NUMBER = text("UPDATE office.invoices SET number = :number WHERE id = :id")
_KEEP = text("UPDATE office.invoices SET document = :document WHERE id = :id")


@dataclass(frozen=True)
class SendInvoice(JobArgs, kind="send_invoice", queue="invoices", max_attempts=3):
    """Your job: this invoice is to be numbered, drawn and mailed."""

    invoice: int


@dataclass(frozen=True)
class SendMail(JobArgs, kind="send_mail", queue="mails"):
    """Somebody else's job: the Postman, below, is already at work."""

    invoice: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as it was when you looked. A draft has no number and no document."""

    id: int
    customer: str
    amount_minor: int
    number: int | None
    document: str | None


@dataclass(frozen=True, slots=True)
class Letter:
    """What lies in a customer's letter box."""

    invoice: int
    customer: str
    number: int


class Office:
    def __init__(self, letter_box: Path) -> None:
        self._letter_box = letter_box

    def read(self, session: Session, invoice_id: int) -> Invoice:
        """The invoice. Nobody else can read or change it until your transaction ends."""
        return Invoice(**session.execute(_READ, {"id": invoice_id}).mappings().one())

    def take_number(self, session: Session) -> int:
        """The next number. Nobody else gets one until your transaction ends."""
        number = int(session.execute(_TAKE).scalar_one())
        reach("office.number_taken")
        return number

    def write_number(self, session: Session, invoice_id: int, number: int) -> None:
        session.execute(_NUMBER, {"id": invoice_id, "number": number})
        reach("office.number_written")

    def keep_document(self, session: Session, invoice_id: int, document: str) -> None:
        session.execute(_KEEP, {"id": invoice_id, "document": document})
        reach("office.document_kept")

    def draw(self, invoice: Invoice) -> str:
        """The document. It takes as long as it takes; the number must be on it."""
        if invoice.number is None:
            raise ValueError(f"the invoice of {invoice.customer} has no number yet: read it again")
        reach("office.drawing")
        document = f"No. {invoice.number}: {invoice.customer} owes {invoice.amount_minor / 100:.2f}"
        reach("office.drawn")
        return document

    def send_mail(self, invoice: Invoice) -> None:
        """Hand the invoice to the post, at once and for good."""
        if invoice.number is None:
            raise ValueError(f"the invoice of {invoice.customer} has no number yet: read it again")
        letter = Letter(invoice.id, invoice.customer, invoice.number)
        with self._letter_box.open("a") as box:
            box.write(json.dumps(asdict(letter)) + "\n")
        reach("office.mail_sent")

    def letters(self) -> list[Letter]:
        """Everything that the post has delivered, oldest first."""
        if not self._letter_box.exists():
            return []
        return [Letter(**json.loads(line)) for line in self._letter_box.read_text().splitlines()]


class Postman(Worker[SendMail]):
    """Mails what ``SendMail`` names. (Only your worker is killed here, never this one.)"""

    def __init__(self, office: Office) -> None:
        self._office = office

    def perform(self, job: Job[SendMail]) -> None:
        with job.session() as session:
            invoice = self._office.read(session, job.args.invoice)
        self._office.send_mail(invoice)
