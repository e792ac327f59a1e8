"""Webhooks: kept once, handled as hints; early, late, twice, out of order, about nobody."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.domain.errors import Invalid, InvalidTransition, NotFound
from payments_app.domain.inbound_event import EventStatus, InboundEvent
from payments_app.domain.payment import PaymentStatus
from payments_app.domain.refund import RefundStatus
from payments_app.gateway.stripe_adapter import StripeGateway
from payments_app.jobs import QUEUES, HandleGatewayEvent, ProcessPayment
from payments_app.services import inbound, janitor, payments, refunds
from queue_core import Queue, Worker
from queue_core.testing import drain_queue
from tests.support import performing
from tests.support.conversation import Conversation
from tests.support.forgetting import forget_the_capture
from tests.support.simulator import Simulator
from workers.event_handler import EventHandler
from workers.payment_processor import PaymentProcessor
from workers.refund_processor import RefundProcessor


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def gateway(simulator: Simulator) -> StripeGateway:
    simulator.reset()
    return StripeGateway(simulator.url, simulator.api_key, read_timeout_s=1)


@pytest.fixture
def queue(app_database_url: str, gateway: StripeGateway) -> Iterator[Queue]:
    workers: list[Worker[Any]] = [
        PaymentProcessor(gateway),
        RefundProcessor(gateway),
        EventHandler(gateway),
    ]
    queue = Queue(app_database_url, queues=QUEUES, workers=workers)
    yield queue
    queue.engine.dispose()


@pytest.fixture
def paid(sessions: sessionmaker[Session], queue: Queue) -> str:
    with sessions() as session:
        now = clock.now(session)
    talk = Conversation.about_a_new_payment(sessions, now=now)
    drain_queue(queue, queues=("payments",))
    assert talk.payment.status is PaymentStatus.COMPLETED
    return talk.payment_id


def an_event(intent: str | None, *, id: str = "evt_1", type: str = "payment_intent.succeeded"):
    return {"id": id, "type": type, "data": {"object": {"id": intent}}}


def receive(sessions, event) -> bool:
    with sessions.begin() as session:
        return inbound.receive(session, event)


def kept(sessions, event_id: str = "evt_1") -> InboundEvent:
    with sessions() as session:
        return session.get_one(InboundEvent, (inbound.PROVIDER, event_id))


def handle(sessions, event_id: str = "evt_1") -> EventStatus:
    with sessions.begin() as session:
        return inbound.handle(session, event_id, now=clock.now(session))


class TestReceiving:
    def test_an_event_and_its_job_are_kept_together(self, sessions):
        assert receive(sessions, an_event("pi_1"))

        assert kept(sessions).status is EventStatus.RECEIVED
        assert self.jobs(sessions) == 1

    def test_an_event_that_comes_five_times_counts_once(self, sessions):
        news = [receive(sessions, an_event("pi_1")) for _ in range(5)]

        assert news == [True, False, False, False, False]
        assert kept(sessions).times_received == 5
        assert self.jobs(sessions) == 1

    @pytest.mark.parametrize(
        "event",
        [
            None,
            [],
            "text",
            {},
            {"id": "evt_1"},
            {"id": "", "type": "x"},
            {"id": 7, "type": "x"},
            {"id": "e" * 201, "type": "x"},
            {"id": "evt_1", "type": None},
        ],
    )
    def test_what_is_no_event_is_refused_and_nothing_is_kept(self, sessions, event):
        with pytest.raises(Invalid):
            receive(sessions, event)

        assert self.jobs(sessions) == 0

    @pytest.mark.parametrize("inner", [None, [], {"object": None}, {"object": {"id": 7}}, {}])
    def test_an_event_about_nothing_that_we_understand_is_kept_all_the_same(self, sessions, inner):
        receive(sessions, {"id": "evt_1", "type": "payment_intent.odd", "data": inner})

        assert kept(sessions).object_id is None
        assert handle(sessions) is EventStatus.PARKED

    @staticmethod
    def jobs(sessions) -> int:
        return performing.unfinished(sessions.kw["bind"], HandleGatewayEvent)


class TestHandling:
    def test_an_event_of_another_kind_is_ignored(self, sessions):
        receive(sessions, an_event("cus_1", type="customer.created"))

        assert handle(sessions) is EventStatus.IGNORED

    def test_an_event_about_nobody_is_parked_and_can_be_replayed(self, sessions):
        receive(sessions, an_event("pi_of_nobody"))
        assert handle(sessions) is EventStatus.PARKED

        with sessions.begin() as session:
            inbound.replay(session, "evt_1")

        assert kept(sessions).status is EventStatus.RECEIVED

    def test_an_event_that_comes_before_its_payment_is_known_is_found_by_the_replay(self, sessions):
        """Early: the gateway tells of the intent before we have stored its id."""
        talk = Conversation.about_a_new_payment(sessions)
        intent = talk.still_open()
        receive(sessions, an_event(intent.intent_id))
        assert handle(sessions) is EventStatus.PARKED
        talk.turn(intent)

        with sessions.begin() as session:
            inbound.replay(session, "evt_1")

        assert handle(sessions) is EventStatus.PROCESSED

    def test_an_early_event_that_names_its_payment_is_not_left_for_a_person(self, sessions):
        talk = Conversation.about_a_new_payment(sessions)
        event = an_event("pi_1", type="payment_intent.created")
        event["data"]["object"]["metadata"] = {"payment": talk.payment_id}
        receive(sessions, event)

        assert handle(sessions) is EventStatus.PROCESSED

    @pytest.mark.parametrize("kind", ["payment_intent.succeeded", "refund.updated"])
    def test_an_event_about_nothing_belongs_to_nobody_not_to_who_has_no_intent_yet(
        self, sessions, kind
    ):
        talk = Conversation.about_a_new_payment(sessions)
        with sessions.begin() as session:
            payments.request_cancel(session, talk.payment_id, now=talk.now)
        talk.ask()
        assert talk.payment.status is PaymentStatus.CANCELLED
        receive(sessions, an_event(None, type=kind))

        with sessions.begin() as session:
            assert inbound.contradicted_payment(session, "evt_1") is None
        assert handle(sessions) is EventStatus.PARKED

    def test_the_gateways_word_about_the_charge_behind_a_refund_is_ignored(self, sessions):
        """Each refund has an event of its own; this one names a charge, which we do not keep."""
        receive(sessions, an_event("ch_1", type="charge.refunded"))

        assert handle(sessions) is EventStatus.IGNORED

    def test_a_hint_makes_a_waiting_payment_look_at_once(self, sessions):
        talk = Conversation.about_a_new_payment(sessions)
        talk.created()
        receive(sessions, an_event(talk.payment.gateway_intent_id))

        assert handle(sessions) is EventStatus.PROCESSED
        assert talk.payment.must_look
        assert talk.payment.status is PaymentStatus.PROCESSING

    def test_handling_twice_changes_nothing(self, sessions):
        talk = Conversation.about_a_new_payment(sessions)
        talk.created()
        receive(sessions, an_event(talk.payment.gateway_intent_id))
        handle(sessions)
        before = talk.payment.version

        assert handle(sessions) is EventStatus.PROCESSED
        assert talk.payment.version == before

    def test_a_late_hint_cannot_take_a_completed_payment_back(self, sessions):
        talk = Conversation.about_a_new_payment(sessions)
        talk.confirm_sent()
        talk.hear(talk.succeeded())
        intent = talk.payment.gateway_intent_id

        for number, kind in enumerate(["payment_failed", "created", "canceled", "processing"]):
            event_id = f"evt_{number}"
            receive(sessions, an_event(intent, id=event_id, type=f"payment_intent.{kind}"))
            handle(sessions, event_id)

        assert talk.payment.status is PaymentStatus.COMPLETED

    def test_an_event_being_handled_is_not_replayed(self, sessions):
        receive(sessions, an_event("pi_1"))

        with sessions.begin() as session, pytest.raises(InvalidTransition):
            inbound.replay(session, "evt_1")
        with sessions.begin() as session, pytest.raises(NotFound):
            inbound.replay(session, "evt_2")

    def test_an_event_whose_job_is_gone_is_replayed_and_found_by_the_janitor(self, sessions):
        """Twenty errors in a row, or a delete by hand: the row says that it was never handled."""
        for event_id in ("evt_1", "evt_2"):
            receive(sessions, an_event("pi_1", id=event_id))
        with sessions.begin() as session:
            session.execute(text("DELETE FROM queue.jobs WHERE kind = 'handle_gateway_event'"))

        with sessions.begin() as session:
            inbound.replay(session, "evt_1")
            now = clock.now(session)
        with sessions.begin() as session:
            assert janitor.sweep(session, now=now) == 0
            assert janitor.sweep(session, now=now + janitor.EVENT_GRACE) == 1

        assert performing.unfinished(sessions.kw["bind"], HandleGatewayEvent) == 2


class TestWithTheGateway:
    """Real workers and a real simulator: what a hint leads to."""

    def test_a_success_contradicting_a_failed_payment_completes_it_with_an_alarm(
        self, sessions, queue, paid, capfd
    ):
        """No job of its own would look again: whoever handles the event must."""
        intent = self.intent_of(sessions, paid)
        forget_the_capture(sessions, paid)
        receive(sessions, an_event(intent))

        drain_queue(queue, queues=("webhooks", "payments"))

        with sessions() as session:
            assert payments.get(session, paid).status is PaymentStatus.COMPLETED
        assert kept(sessions).status is EventStatus.PROCESSED
        assert "captured_after_end" in "".join(capfd.readouterr())

    def test_a_forged_success_about_an_unpaid_payment_moves_nothing(
        self, sessions, queue, simulator
    ):
        """Signed by a thief of the secret, say: the gateway itself is asked, and says no."""
        with sessions() as session:
            now = clock.now(session)
        talk = Conversation.about_a_new_payment(
            sessions, card="pm_card_visa_chargeDeclined", now=now
        )
        drain_queue(queue, queues=("payments",))
        assert talk.payment.status is PaymentStatus.FAILED
        receive(sessions, an_event(talk.payment.gateway_intent_id))

        drain_queue(queue, queues=("webhooks", "payments"))

        assert talk.payment.status is PaymentStatus.FAILED
        assert simulator.captures(talk.payment_id) == []

    def test_a_contradiction_without_an_answer_stays_a_job(self, sessions, queue, paid, simulator):
        intent = self.intent_of(sessions, paid)
        forget_the_capture(sessions, paid)
        receive(sessions, an_event(intent))
        simulator.faults([{"match": {"op": "get_intent"}, "do": "drop", "times": 1}])

        drain_queue(queue, queues=("webhooks",))

        assert kept(sessions).status is EventStatus.RECEIVED
        assert performing.unfinished(sessions.kw["bind"], HandleGatewayEvent) == 1

    def test_a_refund_event_wakes_the_refund(self, sessions, queue, paid):
        with sessions.begin() as session:
            now = clock.now(session)
            refund = refunds.request_refund(
                session, paid, amount_minor=100, reason="sorry", now=now
            )
        event = an_event("re_unknown", type="refund.updated")
        event["data"]["object"]["metadata"] = {"refund": refund.id}
        receive(sessions, event)

        drain_queue(queue, queues=("webhooks", "payments"))

        assert kept(sessions).status is EventStatus.PROCESSED
        with sessions() as session:
            assert refunds.get(session, refund.id).status is RefundStatus.COMPLETED
        assert performing.unfinished(sessions.kw["bind"], ProcessPayment) == 0

    @staticmethod
    def intent_of(sessions, payment_id: str) -> str | None:
        with sessions() as session:
            return payments.get(session, payment_id).gateway_intent_id
