"""The number is taken in a transaction of its own: between the two commits it belongs to nobody."""

from exercise.office import Office, SendInvoice
from queue_core import Job, Outcome, Worker


class InvoiceProcessor(Worker[SendInvoice]):
    def __init__(self, office: Office) -> None:
        self.office = office

    def perform(self, job: Job[SendInvoice]) -> Outcome:
        with job.session() as session:
            number = self.office.take_number(session)
        with job.session() as session:
            self.office.write_number(session, job.args.invoice, number)
            invoice = self.office.read(session, job.args.invoice)
        document = self.office.draw(invoice)
        with job.session() as session:
            self.office.keep_document(session, invoice.id, document)
        self.office.send_mail(invoice)
        return None
