"""Money that moves after the fact: slow refunds, refunds that bounce, disputes. A real simulator.

Each story is told by the gateway's webhooks, or, where those are lost, found by reconciliation; and
each ends with the whole audit beside the gateway's journal.
"""

from datetime import timedelta

import pytest
from sqlalchemy import select

from payments_app import audit
from payments_app.domain.dispute import Dispute, DisputeStatus
from payments_app.domain.errors import PaymentNotRefundable
from payments_app.domain.payment import PaymentStatus, StopReason
from payments_app.domain.refund import RefundStatus
from payments_app.gateway.port import Instruction, Op
from payments_app.gateway.settlement_report import SimulatorReports
from payments_app.gateway.stripe_adapter import StripeGateway
from payments_app.jobs import HandleGatewayEvent, LookAtDisputes
from payments_app.queries import credit
from payments_app.services import disputes, inbound, payments, refunds
from tests.services.test_refund_protocol import RefundTalk
from tests.support import performing
from tests.support.conversation import Conversation
from tests.support.simulator import Simulator
from workers.dispute_observer import DisputeObserver
from workers.event_handler import EventHandler
from workers.reconciler import reconcile


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    with Simulator(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def gateway(simulator) -> StripeGateway:
    simulator.reset()
    return StripeGateway(simulator.url, simulator.api_key, read_timeout_s=5)


@pytest.fixture
def paid_with(sessions, gateway):
    def pay(card: str) -> Conversation:
        talk = Conversation.about_a_new_payment(sessions, card=card)
        while isinstance(asked := talk.ask(), Instruction):
            talk.hear(gateway.send(asked))
        assert talk.payment.status is PaymentStatus.COMPLETED
        return talk

    return pay


@pytest.fixture
def refunded(gateway):
    def refund(talk: Conversation, amount_minor: int = 5_000) -> RefundTalk:
        with talk.sessions.begin() as session:
            made = refunds.request_refund(
                session, talk.payment_id, amount_minor=amount_minor, reason="x", now=talk.now
            )
        back = RefundTalk(talk, made.id)
        asked = back.ask()
        assert isinstance(asked, Instruction)
        back.hear(gateway.send(asked))
        return back

    return refund


def failed_invariants(sessions, simulator) -> list[str]:
    findings, trouble = audit.look(sessions.begin, simulator.url)
    assert trouble is None
    return [line for finding in findings if finding.ok is False for line in finding.examples]


def tell(sessions, app_engine, gateway, event: dict) -> None:
    """The webhook, and its job."""
    with sessions.begin() as session:
        inbound.receive(session, event)
    EventHandler(gateway).perform(performing.claim(app_engine, HandleGatewayEvent))


def reconciled(sessions, gateway, simulator):
    return reconcile(sessions.begin, gateway, SimulatorReports(simulator.url), actor="test")


@pytest.mark.parametrize(
    ("card", "end", "given_back"),
    [
        ("pm_card_pendingRefund", RefundStatus.COMPLETED, 5_000),
        ("pm_card_pendingRefundFails", RefundStatus.FAILED, 0),
    ],
)
def test_a_refund_that_takes_its_time_is_polled_to_its_end(
    sessions, simulator, gateway, paid_with, refunded, card, end, given_back
):
    talk = paid_with(card)
    back = refunded(talk)
    assert back.refund.status is RefundStatus.PROCESSING

    simulator.advance(11)
    talk.now += timedelta(seconds=11)
    asked = back.ask()
    assert isinstance(asked, Instruction)
    back.hear(gateway.send(asked))

    assert back.refund.status is end
    assert (talk.payment.refunded_minor, talk.payment.refund_reserved_minor) == (given_back, 0)
    assert failed_invariants(sessions, simulator) == []


@pytest.mark.parametrize("heard", ["by webhook", "by reconciliation"])
def test_a_refund_that_fails_after_it_had_succeeded_becomes_credit_with_an_alarm(
    sessions, app_engine, simulator, gateway, paid_with, refunded, heard, capfd
):
    talk = paid_with("pm_card_refundFail")
    back = refunded(talk)
    assert back.refund.status is RefundStatus.COMPLETED
    simulator.advance(11)
    simulator.get("/_sim/journal")

    if heard == "by webhook":
        event = simulator.newest_event("refund.failed")
        tell(sessions, app_engine, gateway, event)
    else:
        assert reconciled(sessions, gateway, simulator).repaired == 1

    refund, payment = back.refund, talk.payment
    assert (refund.status, refund.failure_code) == (RefundStatus.FAILED, "lost_or_stolen_card")
    assert refund.bounced_at is not None
    assert (payment.refunded_minor, payment.refundable_minor) == (0, 12_000)
    with sessions() as session:
        assert credit.balances(session, payment.customer_id) == {"USD": 5_000}
    assert "refund_bounced" in "".join(capfd.readouterr())
    assert failed_invariants(sessions, simulator) == []


class TestDisputes:
    @pytest.fixture
    def disputed(self, paid_with) -> Conversation:
        return paid_with("pm_card_createDispute")

    @pytest.fixture
    def look(self, app_engine, gateway):
        def perform() -> None:
            DisputeObserver(gateway).perform(performing.claim(app_engine, LookAtDisputes))

        return perform

    def dispute_of(self, talk: Conversation) -> Dispute:
        with talk.sessions() as session:
            return session.scalars(
                select(Dispute).where(Dispute.payment_id == talk.payment_id)
            ).one()

    @pytest.mark.parametrize("outcome", ["won", "lost"])
    def test_the_amount_is_held_and_then_released_or_lost(
        self, sessions, app_engine, simulator, gateway, disputed, look, outcome
    ):
        tell(sessions, app_engine, gateway, simulator.newest_event("charge.dispute.created"))
        look()
        held = self.dispute_of(disputed)
        assert (held.status, held.amount_minor) == (DisputeStatus.OPEN, 12_000)
        assert failed_invariants(sessions, simulator) == []

        simulator.control("disputes", dispute=held.gateway_dispute_id, outcome=outcome)
        tell(sessions, app_engine, gateway, simulator.newest_event("charge.dispute.closed"))
        look()

        assert self.dispute_of(disputed).status == outcome
        assert disputed.payment.status is PaymentStatus.COMPLETED
        assert failed_invariants(sessions, simulator) == []

    def test_one_that_no_webhook_told_is_found_by_reconciliation(
        self, sessions, simulator, gateway, disputed, look
    ):
        first = reconciled(sessions, gateway, simulator)
        look()
        second = reconciled(sessions, gateway, simulator)

        assert (first.kinds, second.left) == ({"disputes_differ": 1}, 0)
        assert failed_invariants(sessions, simulator) == []

    def test_nothing_is_refunded_while_the_bank_has_the_money(
        self, sessions, simulator, gateway, disputed, look
    ):
        with sessions.begin() as session:
            disputes.look(session, disputed.payment_id)
        look()

        with sessions.begin() as session, pytest.raises(PaymentNotRefundable, match="disputes"):
            refunds.request_refund(
                session, disputed.payment_id, amount_minor=1, reason="x", now=disputed.now
            )
        assert simulator.journal()["refunds"] == []

    def test_the_same_list_read_twice_is_held_once(self, sessions, gateway, disputed, look):
        for _ in range(2):
            with sessions.begin() as session:
                disputes.look(session, disputed.payment_id)
            look()

        with sessions() as session:
            assert len(session.scalars(select(Dispute)).all()) == 1


def test_a_stop_while_the_bank_works_asks_how_it_stands_and_spends_no_keys(sessions, gateway):
    talk = Conversation.about_a_new_payment(sessions, card="pm_card_processing")
    for _ in range(2):
        talk.hear(gateway.send(_asked(talk)))
    with sessions.begin() as session:
        payments.request_cancel(session, talk.payment_id, now=talk.now)

    for _ in range(3):
        talk.now += timedelta(minutes=10)
        asked = _asked(talk)
        assert asked.op is Op.GET_INTENT
        talk.hear(gateway.send(asked))

    payment = talk.payment
    assert (payment.stop_reason, payment.cancel_key_no) == (StopReason.CANCEL_REQUESTED, 1)


def _asked(talk: Conversation) -> Instruction:
    asked = talk.ask()
    assert isinstance(asked, Instruction)
    return asked
