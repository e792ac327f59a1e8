"""The mail leaves after the commit that ended the job: nobody comes back for it."""

from exercise.office import Office, SendInvoice
from queue_core import Job, Outcome, Worker


class InvoiceProcessor(Worker[SendInvoice]):
    def __init__(self, office: Office) -> None:
        self.office = office

    def perform(self, job: Job[SendInvoice]) -> Outcome:
        with job.session() as session:
            if self.office.read(session, job.args.invoice).number is None:
                number = self.office.take_number(session)
                self.office.write_number(session, job.args.invoice, number)
            invoice = self.office.read(session, job.args.invoice)
        document = self.office.draw(invoice)
        with job.transaction() as session:
            first = self.office.read(session, invoice.id).document is None
            self.office.keep_document(session, invoice.id, document)
        if first:
            self.office.send_mail(invoice)
        return None
