"""Yours: send an invoice. `make exercise` says which of its six promises comes next.

What you may use; `office` is `self.office`, and `SendMail` is beside it in `exercise/office.py`:

    office.read(session, id)                       the invoice: customer, number, document
    office.take_number(session)                    the next number
    office.write_number(session, id, number)
    office.keep_document(session, id, document)
    office.draw(invoice)                           the document; slow
    office.send_mail(invoice)                      at once, and for good

    with job.session() as session: ...             a transaction; commits at the end
    with job.transaction() as session: ...         the same, and the job is completed in its commit
    queue_core.insert(session, SendMail(id))       a job for the postman, if the session commits
"""

from exercise.office import Office, SendInvoice
from queue_core import Job, Outcome, Worker


class InvoiceProcessor(Worker[SendInvoice]):
    def __init__(self, office: Office) -> None:
        self.office = office

    def perform(self, job: Job[SendInvoice]) -> Outcome:
        raise NotImplementedError(f"number, draw and mail invoice {job.args.invoice}")
