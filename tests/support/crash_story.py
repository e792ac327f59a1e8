"""One story of money, played through real worker processes that are killed where a plan says.

An invoice is sent and paid with a card; another one's card is declined and that payment cancelled;
half of the first is refunded, a webhook about it arrives, the rest is disputed, somebody is told of
a draft, and all is compared with the gateway's report; mails and documents follow. Every step waits
for a row, never for time.
"""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

import queue_core
from payments_app import clock
from payments_app.domain.attempt import AttemptStatus
from payments_app.domain.invoice import InvoiceStatus
from payments_app.domain.payment import PaymentStatus
from payments_app.domain.refund import RefundStatus
from payments_app.jobs import Reconcile
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

# Starting Python alone takes half of it on a machine with too much to do.
STEP_TIMEOUT_S = 90.0


@dataclass
class Story:
    """The steps, each ending when the rows say so."""

    sessions: sessionmaker[Session]
    simulator: Simulator
    invoice_id: str = ""
    payment_id: str = ""
    cancelled_id: str = ""
    refund_id: str = ""

    def play(self) -> None:
        self.send_an_invoice()
        self.pay_it()
        self.cancel_another()
        self.refund_half()
        self.hear_a_webhook()
        self.hear_of_a_dispute()
        self.tell_others()
        self.reconcile()
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

    def cancel_another(self) -> None:
        """A payment whose card was declined, ended behind the gateway's fence."""
        with self.sessions.begin() as session:
            now = clock.now(session)
            customer_id = invoices.get(session, self.invoice_id).customer_id
            draft = invoices.create_draft(
                session,
                customer_id=customer_id,
                currency="USD",
                lines=[LineDraft("Other work", Decimal(1), 5_000, Decimal(0))],
                now=now,
            )
            draft.finalize_requested_at = now
            session.flush()
            other = invoices.finalize(session, draft.id, now=now)
            self.cancelled_id = payments.request_payment(
                session, other.id, payment_method="pm_card_insufficientFunds", now=now
            ).id
        self._wait(self._card_is_declined, "the other card is declined")
        with self.sessions.begin() as session:
            payments.request_cancel(session, self.cancelled_id, now=clock.now(session))
        self._wait(self._other_is_cancelled, "the other payment is cancelled")

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

    def reconcile(self) -> None:
        with self.sessions.begin() as session:
            queue_core.insert(session, Reconcile())

    def wait_until_quiet(self) -> None:
        self._wait(self._nothing_waits, "no job is left")

    def captures(self) -> int:
        return len(self.simulator.captures(self.payment_id))

    def captures_of_the_cancelled(self) -> int:
        return len(self.simulator.captures(self.cancelled_id))

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

    def _card_is_declined(self) -> bool:
        with self.sessions() as session:
            attempt = payments.get(session, self.cancelled_id).last_attempt
            return attempt is not None and attempt.status is AttemptStatus.DECLINED

    def _other_is_cancelled(self) -> bool:
        with self.sessions() as session:
            return payments.get(session, self.cancelled_id).status is PaymentStatus.CANCELLED

    def _refund_is_completed(self) -> bool:
        with self.sessions() as session:
            return refunds.get(session, self.refund_id).status is RefundStatus.COMPLETED

    def _nothing_waits(self) -> bool:
        with self.sessions() as session:
            left = session.scalar(
                text("SELECT count(*) FROM queue.jobs WHERE kind <> 'sweep_payments'")
            )
        return left == 0
