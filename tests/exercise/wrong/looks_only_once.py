"""It looks before it draws, and believes that afterwards: meanwhile another run has done it all."""

import queue_core
from exercise.office import Office, SendInvoice, SendMail
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
        if invoice.document is not None:
            return None
        document = self.office.draw(invoice)
        with job.session() as session:
            self.office.keep_document(session, invoice.id, document)
            queue_core.insert(session, SendMail(invoice.id))
        return None
