"""The contract with the workers: one frozen class of arguments per job kind.

Services insert these; workers bind to them. Arguments are ids, never whole objects: the row is
read again when the job runs, so a job can never act on an old copy.
"""

from dataclasses import dataclass

from queue_core import JobArgs, Unique

# Jobs at once in each worker process. Payments wait for a bank most of their time.
QUEUES: dict[str, int] = {
    "payments": 10,
    "invoices": 4,
    "emails": 5,
    "webhooks": 5,
    # Apart from what comes in: other people's servers may hang in every slot of it.
    "deliveries": 5,
    "maintenance": 1,
}


@dataclass(frozen=True)
class ProcessPayment(
    JobArgs,
    kind="process_payment",
    queue="payments",
    max_attempts=20,
    unique=Unique(keys=("payment_id",), states="incomplete"),
):
    """Bring one payment to its end."""

    payment_id: str


@dataclass(frozen=True)
class ProcessRefund(
    JobArgs,
    kind="process_refund",
    queue="payments",
    max_attempts=20,
    unique=Unique(keys=("refund_id",), states="incomplete"),
):
    """Bring one refund to its end."""

    refund_id: str


@dataclass(frozen=True)
class CancelOrphanIntent(
    JobArgs,
    kind="cancel_orphan_intent",
    queue="payments",
    max_attempts=20,
    unique=Unique(keys=("intent_id",), states="incomplete"),
):
    """Cancel an intent that no payment owns. It was never confirmed, so it moved no money."""

    payment_id: str
    intent_id: str


@dataclass(frozen=True)
class FinalizeInvoice(
    JobArgs,
    kind="finalize_invoice",
    queue="invoices",
    max_attempts=20,
    unique=Unique(keys=("invoice_id",), states="incomplete"),
):
    """Number, post and freeze an invoice; then render its PDF and mail it."""

    invoice_id: str


@dataclass(frozen=True)
class IssueCreditNote(
    JobArgs,
    kind="issue_credit_note",
    queue="invoices",
    max_attempts=20,
    unique=Unique(keys=("credit_note_id",), states="incomplete"),
):
    """Give a credit note its number, outside the transaction of the refund that caused it."""

    credit_note_id: str


@dataclass(frozen=True)
class SendEmail(
    JobArgs,
    kind="send_email",
    queue="emails",
    max_attempts=10,
    priority=1,
    unique=Unique(keys=("delivery_id",), states="incomplete"),
):
    """Transmit one queued mail."""

    delivery_id: str


@dataclass(frozen=True)
class SweepPayments(
    JobArgs,
    kind="sweep_payments",
    queue="maintenance",
    max_attempts=3,
    unique=Unique(keys=(), states="incomplete"),
):
    """The janitor: re-create the jobs of open payments and refunds from their rows."""


@dataclass(frozen=True)
class HandleGatewayEvent(
    JobArgs,
    kind="handle_gateway_event",
    queue="webhooks",
    max_attempts=20,
    unique=Unique(keys=("event_id",), states="incomplete"),
):
    """Look at what a webhook is about."""

    event_id: str


@dataclass(frozen=True)
class DispatchWebhooks(JobArgs, kind="dispatch_webhooks", queue="webhooks", max_attempts=3):
    """Make the jobs of the endpoints that something is due for. Not unique: see telling.py."""


@dataclass(frozen=True)
class DeliverWebhooks(
    JobArgs,
    kind="deliver_webhooks",
    queue="deliveries",
    max_attempts=20,
    # It begins requests for half a minute, then others have their turn; the rest is one request's.
    timeout=90,
    unique=Unique(keys=("endpoint_id",), states="incomplete"),
):
    """Tell one endpoint what is due for it."""

    endpoint_id: str


@dataclass(frozen=True)
class LookAtDisputes(
    JobArgs,
    kind="look_at_disputes",
    queue="webhooks",
    max_attempts=20,
    unique=Unique(keys=("payment_id",), states="incomplete"),
):
    """Read the gateway's disputes of one payment."""

    payment_id: str


@dataclass(frozen=True)
class RunAudit(
    JobArgs,
    kind="run_audit",
    queue="maintenance",
    max_attempts=3,
    unique=Unique(keys=(), states="incomplete"),
):
    """Check the invariants on live data, once an hour."""


@dataclass(frozen=True)
class Reconcile(
    JobArgs,
    kind="reconcile",
    queue="maintenance",
    max_attempts=5,
    unique=Unique(keys=(), states="incomplete"),
):
    """Compare our books with the gateway's report, once a day."""
