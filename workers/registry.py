"""The one list of workers, and what they are made of. Only the composition root calls this."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from payments_app.gateway.port import Gateway
from payments_app.gateway.settlement_report import SettlementReports
from payments_app.jobs import Reconcile, RunAudit, SweepPayments
from queue_core import Cron, Worker
from workers.auditor import Auditor
from workers.credit_note_issuer import CreditNoteIssuer
from workers.dispute_observer import DisputeObserver
from workers.email_sender import EmailSender
from workers.event_handler import EventHandler
from workers.invoice_processor import InvoiceProcessor
from workers.orphan_canceller import OrphanCanceller
from workers.payment_processor import PaymentProcessor
from workers.reconciler import Reconciler
from workers.refund_processor import RefundProcessor
from workers.sweeper import Sweeper
from workers.webhook_deliverer import WebhookDeliverer
from workers.webhook_dispatcher import WebhookDispatcher

# Missed minutes need no making up: the next sweep sees everything that they would have seen.
CRON = (
    Cron("sweep", "* * * * *", SweepPayments(), catch_up="none"),
    Cron("audit", "17 * * * *", RunAudit(), catch_up="none"),
    # At night; a night that was missed is made up for once.
    Cron("reconcile", "30 3 * * *", Reconcile(), catch_up="last"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The outside world, as the workers need it."""

    gateway: Gateway
    reports: SettlementReports
    gateway_timeout_s: float
    data_dir: Path
    # Where the gateway's journal is read; without it nothing audits.
    gateway_url: str | None = None
    # Where customers find us: the address in the mails' pay links.
    public_url: str = "http://127.0.0.1:8000"
    smtp_url: str | None = None
    # Whether webhooks may go to addresses of our own networks: for development, never production.
    private_webhooks: bool = False


def build(parts: Parts) -> list[Worker[Any]]:
    """One instance of every worker, for one process (many threads: they keep no state per job)."""
    made: list[Worker[Any]] = [
        PaymentProcessor(parts.gateway, gateway_timeout_s=parts.gateway_timeout_s),
        RefundProcessor(parts.gateway, gateway_timeout_s=parts.gateway_timeout_s),
        OrphanCanceller(parts.gateway),
        InvoiceProcessor(base_url=parts.public_url),
        CreditNoteIssuer(),
        EmailSender(outbox=parts.data_dir / "outbox", smtp_url=parts.smtp_url),
        EventHandler(parts.gateway),
        DisputeObserver(parts.gateway),
        Reconciler(parts.gateway, parts.reports),
        Sweeper(),
        WebhookDispatcher(),
        WebhookDeliverer(allow_private=parts.private_webhooks),
    ]
    if parts.gateway_url is not None:
        made.append(Auditor(parts.gateway_url))
    return made
