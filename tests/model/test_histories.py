"""Random histories over the real services: whatever happens, money moves once and books agree.

Two and more workers' steps are interleaved at will with people, faults, crashes and time. After
every step nobody was charged twice; at the end, when faults stop, everything comes to rest, agrees
with the gateway's journal, and the audit finds nothing.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.orm import Session, sessionmaker

from payments_app.cli.audit import look
from payments_app.db import make_engine
from payments_app.domain.payment import PaymentStatus
from payments_app.domain.refund import RefundStatus
from payments_app.gateway.stripe_adapter import StripeGateway
from tests.support.histories import Business
from tests.support.simulator import Simulator

CARDS = (
    "pm_card_visa",
    "pm_card_insufficientFunds",
    "pm_card_chargeDeclined",
    "pm_card_authenticationRequired",
    "pm_card_processing",
    "pm_card_nobody_has",
)
LOST = ({"do": "drop", "when": "before"}, {"do": "drop", "when": "after"}, {"do": "reset"})
ERRORS = (
    {"do": "500_stored", "when": "before"},
    {"do": "500_stored", "when": "after"},
    *({"do": do} for do in ("500", "503", "429", "409", "truncate", "html")),
)
STRANGE = ({"do": "wrong_amount"}, {"do": "wrong_currency"}, {"do": "foreign_intent"})
LATE = ({"do": "late", "until": "released"}, {"do": "dup"})
FAULTS = st.sampled_from((*LOST, *ERRORS, *STRANGE, *LATE, *LATE))
SECONDS = st.sampled_from((1.0, 3.0, 30.0, 120.0, 700.0, 4000.0, 24.5 * 3600))
PAYMENTS_MAX = 2
SHORT = settings(max_examples=6, stateful_step_count=30, derandomize=True)
LONG = settings(max_examples=400, stateful_step_count=60, print_blob=True)


class History(RuleBasedStateMachine):
    """One business from its first payment until everything has come to rest."""

    sessions: sessionmaker[Session]
    simulator: Simulator

    def __init__(self) -> None:
        super().__init__()
        gateway = StripeGateway(self.simulator.url, self.simulator.api_key, read_timeout_s=30)
        self.business = Business(self.sessions, gateway, self.simulator)
        self.business.pay(CARDS[0])

    @rule(card=st.sampled_from(CARDS))
    @precondition(lambda self: len(self.business.payments) < PAYMENTS_MAX)
    def pay(self, card):
        self.business.pay(card)

    @rule(data=st.data(), amount_minor=st.sampled_from((5_000, 12_000)))
    def refund(self, data, amount_minor):
        self.business.refund(self._one_of(data, self.business.payments), amount_minor)

    @rule(data=st.data())
    def cancel(self, data):
        self.business.cancel(self._one_of(data, self.business.payments))

    @rule(data=st.data(), card=st.sampled_from(CARDS))
    def change_card(self, data, card):
        self.business.change_card(self._one_of(data, self.business.payments), card)

    @rule(data=st.data())
    def webhook(self, data):
        self.business.look(self._one_of(data, self.business.payments))

    @rule(data=st.data())
    def decide(self, data):
        self.business.decide(self._one_of(data, self._subjects()))

    @rule(data=st.data())
    @precondition(lambda self: self.business.questions)
    def send(self, data):
        self.business.send(self._one_of(data, self.business.questions))

    @rule(data=st.data(), go_on=st.booleans())
    @precondition(lambda self: self.business.answers)
    def record(self, data, go_on):
        self.business.record(*self._one_of(data, self.business.answers), go_on=go_on)

    @rule(data=st.data(), go_on=st.booleans())
    def turn(self, data, go_on):
        if self.business.decide(self._one_of(data, self._subjects())) is None:
            return
        for question in self.business.questions[-1:]:
            self.business.send(question)
            self.business.record(*self.business.answers[-1], go_on=go_on)

    @rule(fault=FAULTS)
    def something_will_go_wrong(self, fault):
        self.simulator.faults([{**fault, "times": 1}])

    @rule()
    def late_requests_arrive(self):
        self.simulator.control("release")

    @rule()
    @precondition(lambda self: self.business.questions or self.business.answers)
    def crash(self):
        self.business.crash()

    @rule(seconds=SECONDS)
    def time_passes(self, seconds):
        self.business.advance(seconds)

    @invariant()
    def nobody_is_charged_or_refunded_twice(self):
        journal = self.simulator.journal()
        captured = Counter(line["payment"] for line in journal["captures"])
        refunded = Counter(line["refund"] for line in journal["refunds"])
        assert not [key for key, times in (captured + refunded).items() if times > 1]
        for payment_id in self.business.payments:
            status = self.business.payment(payment_id).status
            if status in (PaymentStatus.FAILED, PaymentStatus.CANCELLED):
                assert not captured[payment_id], f"{payment_id} is {status} and was captured"
            if status is PaymentStatus.COMPLETED:
                assert captured[payment_id], f"{payment_id} is completed and was not captured"

    def teardown(self):
        self.business.come_to_rest()
        self.nobody_is_charged_or_refunded_twice()
        moved = Counter(line["refund"] for line in self.simulator.journal()["refunds"])
        for refund_id in self.business.refunds:
            status = self.business.refund_row(refund_id).status
            assert status is RefundStatus.NEEDS_REVIEW or moved[refund_id] == (
                status is RefundStatus.COMPLETED
            ), f"{refund_id} is {status}, sent back {moved[refund_id]} times"
        findings, trouble = look(self.sessions, self.simulator.url)
        assert trouble is None
        assert not [f"{f.id}: {f.examples}" for f in findings if f.ok is False]

    def _subjects(self) -> list[str]:
        return [*self.business.payments, *self.business.refunds]

    def _one_of(self, data, things):
        return data.draw(st.sampled_from(list(things)))


@contextmanager
def a_world(url: str, folder: Path) -> Iterator[type[History]]:
    engine = make_engine(url)
    with Simulator(folder) as simulator:

        class HistoryHere(History):
            pass

        HistoryHere.sessions = sessionmaker(engine, expire_on_commit=False)
        HistoryHere.simulator = simulator
        yield HistoryHere
    engine.dispose()


def play(url: str, folder: Path, profile: settings) -> None:
    slow = (HealthCheck.too_slow, HealthCheck.data_too_large)
    with a_world(url, folder) as history:
        chosen = settings(profile, deadline=None, suppress_health_check=slow, database=None)
        run_state_machine_as_test(history, settings=chosen)


def test_no_short_history_charges_twice_or_leaves_books_that_disagree(app_database_url, tmp_path):
    play(app_database_url, tmp_path, SHORT)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_no_long_history_charges_twice_or_leaves_books_that_disagree(app_database_url, tmp_path):
    play(app_database_url, tmp_path, LONG)
