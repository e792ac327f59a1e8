"""The shop of a run: its customer, its invoice, and the ways in which people ask for money.

Each deed goes through the services that the application uses, in a transaction of its own. Where a
shop with a weaker protocol would do less (nobody compares two clicks), the text of the event says
what it does instead.
"""

import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from sqlalchemy.orm import Session, sessionmaker

import queue_core
from payments_app import clock
from payments_app.jobs import ProcessPayment
from payments_app.lab.event import Lane
from payments_app.lab.recorder import Recorder
from payments_app.lab.sentences import money
from payments_app.services import customers, invoices, locking, payments
from payments_app.services.actor import act_as
from payments_app.services.invoices import LineDraft

T = TypeVar("T")
CUSTOMER = "Ada"
# What everything costs here.
AMOUNT_MINOR = 12_000
CARD = "pm_card_visa"


class Shop:
    """What people do. ``purchases`` maps each payment to the purchase that its customer wanted."""

    def __init__(self, sessions: sessionmaker[Session], recorder: Recorder, processor: str) -> None:
        self._sessions = sessions
        self._recorder = recorder
        self._processor = processor
        self.purchases: dict[str, int] = {}
        self.wanted_refunds: list[int] = []

    def open_invoice(self, total_minor: int = AMOUNT_MINOR) -> str:
        """An invoice that waits to be paid; its id."""

        def deed(session: Session, now: datetime) -> str:
            customer = customers.create(session, name="Ada Ltd", email="ada@example.com")
            session.flush()
            line = LineDraft("Work", Decimal(1), total_minor, Decimal(0))
            draft = invoices.create_draft(
                session, customer_id=customer.id, currency="USD", lines=[line], now=now
            )
            draft.finalize_requested_at = now
            session.flush()
            return invoices.finalize(session, draft.id, now=now).id

        return self.do(deed)

    def pay(
        self,
        invoice_id: str | None = None,
        *,
        amount_minor: int = AMOUNT_MINOR,
        card: str = CARD,
        purchase: int = 1,
    ) -> str:
        """One click on Pay: a payment and its job, in one transaction. Its id."""
        invoice = invoice_id or self.open_invoice()

        def deed(session: Session, now: datetime) -> str:
            return payments.request_payment(
                session, invoice, payment_method=card, amount_minor=amount_minor, now=now
            ).id

        at_s = time.monotonic()
        payment_id = self.do(deed)
        self.purchases[payment_id] = purchase
        text = f"{CUSTOMER} pays {money(amount_minor)}."
        self.say("request", text, at_s=at_s, payment=payment_id)
        return payment_id

    def enqueue_again(self, payment_id: str, text: str) -> None:
        """The payment's job once more, as careless callers do it: not merged with its twin."""

        def deed(session: Session, _now: datetime) -> int:
            return queue_core.insert(session, ProcessPayment(payment_id=payment_id), unique=None).id

        at_s = time.monotonic()
        job = self.do(deed)
        self.say("job", text, at_s=at_s, job=job, payment=payment_id, lane=Lane.BOOKS)

    def replace_card(self, payment_id: str, card: str, text: str) -> None:
        """Another card on file, whatever is under way: our own pages would refuse that now."""

        def deed(session: Session, _now: datetime) -> None:
            locking.lock_payment(session, payment_id).payment_method = card

        at_s = time.monotonic()
        self.do(deed)
        self.say("request", text, at_s=at_s, card=card)

    def status(self, payment_id: str) -> str:
        return self.do(lambda session, _now: str(payments.get(session, payment_id).status))

    def do(self, deed: Callable[[Session, datetime], T]) -> T:
        """One transaction of the application."""
        with self._sessions.begin() as session:
            act_as(session, "lab:customer")
            return deed(session, clock.now(session))

    def say(
        self,
        kind: str,
        text: str,
        *,
        lane: str = Lane.CUSTOMER,
        at_s: float | None = None,
        **detail: object,
    ) -> None:
        self._recorder.note(lane, kind, text, at_s=at_s, detail=detail)
