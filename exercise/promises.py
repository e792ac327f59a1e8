"""The six promises of an InvoiceProcessor. The first: that it does its work.

Each is a small experiment. A broken one says what happened to the customer, and has a hint. They
are looked at in order, up to the first that is broken: a step at a time.
"""

from collections.abc import Callable
from dataclasses import dataclass

from exercise.trial import IN_TRANSACTION, Ending, Trial

# Where a worker is killed, in words: "killed when …".
WHEN = {
    "office.number_taken": "it had taken a number, and not committed",
    "office.number_written": "it had written the number, and not committed",
    "office.drawn": "the document was drawn",
    "office.document_kept": "it had stored the document, and not committed",
    "office.mail_sent": "it had handed the mail to the post",
    "insert.written": "it had asked for the mail, and not committed",
    "complete.written": "it had completed its job, and not committed",
    "complete.committed": "its transaction was committed",
    "job.performed": "perform had returned",
}


class Broken(Exception):
    """A promise was not kept. The message is what happened to the customer."""


@dataclass(frozen=True, slots=True)
class Promise:
    title: str
    hint: str
    experiment: Callable[[Trial], None]


def does_its_work(trial: Trial) -> None:
    trial.open(invoices=2)
    trial.work()
    trial.next_worker()
    _complete(trial.look(), "")


def loses_no_number(trial: Trial) -> None:
    trial.open()
    for index, point in enumerate(trial.work()):
        if point in {"office.number_taken", "office.number_written"}:
            trial.open(invoices=2)
            trial.work(die_at=index)
            trial.next_worker()
            _no_gap(trial.look(), f"The worker was killed when {WHEN[point]}. ")


def numbers_once(trial: Trial) -> None:
    trial.open()
    trial.work()
    before = trial.look().invoices[0]
    trial.ask_again(before.id)
    trial.work()
    after = trial.look().invoices[0]
    if after.number != before.number:
        raise Broken(
            f"The job ran twice, and invoice {before.number} became invoice {after.number}. "
            f"{before.customer} has paid {before.number}; nobody knows what that is."
        )


def keeps_nobody_waiting(trial: Trial) -> None:
    trial.open()
    if IN_TRANSACTION in trial.work():
        raise Broken(
            "While Ada's invoice was drawn, a transaction was open. One day the printer jams until "
            "noon; and until noon, whoever needs a row that this transaction holds waits with it."
        )


def mails_once(trial: Trial) -> None:
    trial.open()
    points = trial.work()
    trial.ask_again(1)
    trial.next_worker()
    _complete(trial.look(), "The job ran twice. ")
    for index, point in enumerate(points):
        if point in WHEN:
            trial.open()
            trial.work(die_at=index)
            trial.next_worker()
            _complete(trial.look(), f"The worker was killed when {WHEN[point]}. ")


def repeats_nothing_when_overtaken(trial: Trial) -> None:
    trial.open()
    trial.work(overtaken_at="office.drawn")
    trial.next_worker()
    _complete(
        trial.look(),
        "The worker was slow, so slow that another one was given its job and did it. Then the slow "
        "one went on. ",
    )


PROMISES = (
    Promise(
        "Every invoice gets a number, a document and a mail",
        "Be naive first: read the invoice, take a number, write it, draw, keep the document and "
        "send the mail. What has `session` in its list of arguments needs a transaction.",
        does_its_work,
    ),
    Promise(
        "No number is lost",
        "A number that was taken and not written goes back by itself, if the same transaction "
        "does both: a rollback is all that a killed process leaves behind.",
        loses_no_number,
    ),
    Promise(
        "An invoice keeps its number",
        "A job can run again at any time. So look before you act: `office.read` shows the number, "
        "and holds the row until you have committed, so that nobody can look at the same time.",
        numbers_once,
    ),
    Promise(
        "Nobody waits for the printer",
        "Two transactions: close the first one before you draw, and open another when you have "
        "drawn. What you need in between is a value: the invoice, read after its number is there.",
        keeps_nobody_waiting,
    ),
    Promise(
        "One mail, asked twice or killed anywhere",
        "A mail cannot be rolled back, but a job that mails can: `queue_core.insert(session, "
        "SendMail(invoice.id))` beside `keep_document`, in one commit. And look first whether the "
        "document is there already.",
        mails_once,
    ),
    Promise(
        "Who was overtaken writes nothing",
        "What you looked at before you drew may be out of date. Look again in the transaction "
        "that writes; and let it be `job.transaction()`: its commit needs your run to own the job.",
        repeats_nothing_when_overtaken,
    ),
)


def first_broken(trial: Trial) -> tuple[int, str] | None:
    """The index of the first promise that is not kept, and what happened. None: all are kept."""
    for index, promise in enumerate(PROMISES):
        try:
            promise.experiment(trial)
        except Broken as broken:
            return index, str(broken)
        except TimeoutError as late:
            return index, f"The customers are still waiting: {late}."
    return None


def _complete(ending: Ending, cause: str) -> None:
    """Each invoice has everything, once."""
    for invoice in ending.invoices:
        if ending.error and (invoice.number is None or invoice.document is None):
            raise Broken(f"{cause}{invoice.customer} got no invoice: {ending.error}")
        if invoice.number is None:
            raise Broken(f"{cause}{invoice.customer}'s invoice has no number.")
        if invoice.document is None or f"No. {invoice.number}:" not in invoice.document:
            raise Broken(f"{cause}{invoice.customer}'s invoice has no document with its number.")
    _delivered(ending, cause)
    _no_gap(ending, cause)


def _delivered(ending: Ending, cause: str) -> None:
    for invoice in ending.invoices:
        numbers = [one.number for one in ending.letters if one.invoice == invoice.id]
        if not numbers:
            raise Broken(f"{cause}{invoice.customer} never got a mail.{_because(ending)}")
        if len(numbers) > 1:
            raise Broken(f"{cause}{invoice.customer} got {len(numbers)} mails, and paid twice.")
        if numbers != [invoice.number]:
            raise Broken(
                f"{cause}{invoice.customer} got invoice {numbers[0]}; the books know it as "
                f"invoice {invoice.number}."
            )


def _no_gap(ending: Ending, cause: str) -> None:
    used = {invoice.number for invoice in ending.invoices if invoice.number is not None}
    if made_up := used - set(range(1, ending.taken + 1)):
        raise Broken(f"{cause}Nobody has taken number {max(made_up)} from the counter.")
    for number in range(1, ending.taken + 1):
        if number not in used:
            raise Broken(
                f"{cause}Invoice {number} is missing: number {number} was taken and never used. "
                "The tax office asks where it went."
            )


def _because(ending: Ending) -> str:
    return f" The worker had failed: {ending.error}" if ending.error else ""
