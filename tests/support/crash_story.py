"""One story of money, played through real worker processes that are killed where a plan says.

An invoice is sent, paid with a card, half of it refunded, a webhook about it arrives, the rest is
disputed, and somebody is told of a draft; mails and documents follow. Every step waits for a row,
never for time. Whatever dies on the way is started again, as an operator's service manager would.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.domain.invoice import InvoiceStatus
from payments_app.domain.payment import PaymentStatus
from payments_app.domain.refund import RefundStatus
from payments_app.services import (
    customers,
    disputes,
    inbound,
    invoices,
    outbound,
    payments,
    refunds,
)
from payments_app.services.invoices import LineDraft
from tests.support.simulator import Simulator
from tests.support.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
APP = "payments_app:create_app(edges=False)"
RESTARTS_MAX = 5
STEP_TIMEOUT_S = 45.0


@dataclass
class Workers:
    """``run-workers`` in a process tree of its own, started again when its supervisor dies."""

    env: Mapping[str, str]
    log: Path
    restarts: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> "Workers":
        self._process = self._launch()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._process.terminate()
        self._process.wait(timeout=30)
        self._keeper.join(5)

    def _keep(self) -> None:
        while not self._stopping.is_set():
            self._process.wait()
            if not self._stopping.is_set() and self.restarts < RESTARTS_MAX:
                self.restarts += 1
                self._process = self._launch()
            else:
                return

    def _launch(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "flask", "--app", APP, "run-workers", "--processes", "1"]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **self.env}, stdout=log, stderr=log
            )


@contextmanager
def workers(
    database_url: str,
    simulator: Simulator,
    folder: Path,
    *,
    plan: Mapping[str, Mapping[str, Any]] | None = None,
    arguments: Mapping[str, str] | None = None,
):
    """Workers on this database and gateway; ``plan`` says at which checkpoints they die."""
    env = {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(folder),
        "GATEWAY_URL": simulator.url,
        "GATEWAY_API_KEY": simulator.api_key,
        "GATEWAY_TIMEOUT_SECONDS": "1",
        "LEASE_SECONDS": "3",
        "SHUTDOWN_TIMEOUT_SECONDS": "2",
        "CHECKPOINTS": json.dumps(plan or {}),
        **(arguments or {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    running = Workers(env, folder / "workers.log").start()
    try:
        yield running
    finally:
        running.stop()


@dataclass
class Story:
    """The steps, each ending when the rows say so."""

    sessions: sessionmaker[Session]
    simulator: Simulator
    invoice_id: str = ""
    payment_id: str = ""
    refund_id: str = ""

    def play(self) -> None:
        self.send_an_invoice()
        self.pay_it()
        self.refund_half()
        self.hear_a_webhook()
        self.hear_of_a_dispute()
        self.tell_others()
        self.wait_until_quiet()

    def send_an_invoice(self) -> None:
        with self.sessions.begin() as session:
            now = clock.now(session)
            customer = customers.create(session, name="Ada Ltd", email="ada@example.com")
            line = LineDraft("Work", Decimal(1), 10_000, Decimal(20))
            draft = invoices.create_draft(
                session, customer_id=customer.id, currency="USD", lines=[line], now=now
            )
            session.flush()
            invoices.request_finalize(session, draft.id, now=now)
            self.invoice_id = draft.id
        self._wait(self._invoice_is_open, "the invoice is open")

    def pay_it(self) -> None:
        with self.sessions.begin() as session:
            self.payment_id = payments.request_payment(
                session, self.invoice_id, payment_method="pm_card_visa", now=clock.now(session)
            ).id
        self._wait(self._payment_is_completed, "the payment is completed")

    def refund_half(self) -> None:
        with self.sessions.begin() as session:
            self.refund_id = refunds.request_refund(
                session, self.payment_id, amount_minor=6_000, reason="half", now=clock.now(session)
            ).id
        self._wait(self._refund_is_completed, "the refund is completed")

    def hear_a_webhook(self) -> None:
        with self.sessions.begin() as session:
            intent = payments.get(session, self.payment_id).gateway_intent_id
            event = {
                "id": f"evt_{self.payment_id}",
                "type": "payment_intent.succeeded",
                "data": {"object": {"id": intent}},
            }
            inbound.receive(session, event)

    def hear_of_a_dispute(self) -> None:
        with self.sessions.begin() as session:
            intent = payments.get(session, self.payment_id).gateway_intent_id
        self.simulator.control("disputes", intent=intent)
        with self.sessions.begin() as session:
            disputes.look(session, self.payment_id)

    def tell_others(self) -> None:
        """An endpoint that takes everything: one of the simulator's, which answers 200 to all."""
        with self.sessions.begin() as session:
            outbound.add_endpoint(session, f"{self.simulator.url}/_sim/release")
            payment = payments.get(session, self.payment_id)
            invoice = invoices.create_draft(
                session,
                customer_id=payment.customer_id,
                currency="USD",
                lines=[LineDraft("More", Decimal(1), 100, Decimal(0))],
                now=clock.now(session),
            )
            invoices.delete_draft(session, invoice.id)
        with self.sessions.begin() as session:
            outbound.dispatch(session, now=clock.now(session))

    def wait_until_quiet(self) -> None:
        self._wait(self._nothing_waits, "no job is left")

    def captures(self) -> int:
        return len(self.simulator.captures(self.payment_id))

    def refunds(self) -> int:
        return sum(
            line["payment"] == self.payment_id for line in self.simulator.journal()["refunds"]
        )

    def _wait(self, fact, what: str) -> None:
        try:
            wait_until(fact, timeout_s=STEP_TIMEOUT_S)
        except AssertionError:
            raise AssertionError(f"not in {STEP_TIMEOUT_S:.0f} s: {what}") from None

    def _invoice_is_open(self) -> bool:
        with self.sessions() as session:
            return invoices.get(session, self.invoice_id).status is InvoiceStatus.OPEN

    def _payment_is_completed(self) -> bool:
        with self.sessions() as session:
            return payments.get(session, self.payment_id).status is PaymentStatus.COMPLETED

    def _refund_is_completed(self) -> bool:
        with self.sessions() as session:
            return refunds.get(session, self.refund_id).status is RefundStatus.COMPLETED

    def _nothing_waits(self) -> bool:
        with self.sessions() as session:
            left = session.scalar(
                text("SELECT count(*) FROM queue.jobs WHERE kind <> 'sweep_payments'")
            )
        return left == 0
