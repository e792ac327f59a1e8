"""The processor and the real simulator: who may ask, who may record, what a crash leaves."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

import queue_core
from payments_app import clock
from payments_app.domain.invoice import Invoice
from payments_app.domain.payment import PaymentStatus
from payments_app.gateway.port import Instruction, Observation, Op
from payments_app.gateway.stripe_adapter import StripeGateway
from payments_app.jobs import QUEUES, ProcessPayment, ProcessRefund
from payments_app.services import janitor, payments
from queue_core import Cancel, LeaseLost, Queue, Snooze
from queue_core.testing import drain_queue
from tests.support import performing
from tests.support.audited import broken_rows
from tests.support.business import a_payment
from tests.support.simulator import Simulator
from workers import payment_processor
from workers.payment_processor import PaymentProcessor
from workers.refund_processor import RefundProcessor
from workers.sweeper import Sweeper


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def gateway(simulator: Simulator) -> StripeGateway:
    simulator.reset()
    return StripeGateway(simulator.url, simulator.api_key, read_timeout_s=0.5)


@pytest.fixture
def payment_id(sessions) -> str:
    with sessions.begin() as session:
        return a_payment(session, now=clock.now(session)).id


def status(sessions, payment_id: str) -> PaymentStatus:
    with sessions() as session:
        return payments.get(session, payment_id).status


class Interrupting:
    """A real gateway, with something else happening just before or just after one operation."""

    def __init__(self, gateway: StripeGateway, op: Op, *, before=None, after=None) -> None:
        self._gateway, self._op, self._before, self._after = gateway, op, before, after

    def send(self, instruction: Instruction) -> Observation:
        at_it = instruction.op is self._op
        if at_it and self._before:
            self._before()
        observation = self._gateway.send(instruction)
        if at_it and self._after:
            self._after()
        return observation


def test_a_payment_is_charged_once_and_ends_its_job_in_the_same_commit(
    sessions, gateway, simulator, payment_id
):
    job = performing.claim(sessions.kw["bind"], ProcessPayment)

    PaymentProcessor(gateway).perform(job)

    assert status(sessions, payment_id) is PaymentStatus.COMPLETED
    assert len(simulator.captures(payment_id)) == 1
    assert performing.ended_as(sessions.kw["bind"], job) == "completed"


def test_a_worker_that_lost_its_lease_asks_the_gateway_nothing(
    sessions, gateway, simulator, payment_id
):
    zombie = performing.claim(sessions.kw["bind"], ProcessPayment)
    performing.take_over(sessions.kw["bind"], zombie)

    with pytest.raises(LeaseLost):
        PaymentProcessor(gateway).perform(zombie)

    assert simulator.asked() == []
    assert status(sessions, payment_id) is PaymentStatus.PENDING


def test_a_payment_that_ends_with_the_last_turn_has_ended(
    sessions, gateway, payment_id, monkeypatch
):
    monkeypatch.setattr(payment_processor, "TURNS_MAX", 2)
    job = performing.claim(sessions.kw["bind"], ProcessPayment)

    assert PaymentProcessor(gateway).perform(job) is None
    assert status(sessions, payment_id) is PaymentStatus.COMPLETED


def test_the_last_turn_writes_no_question_that_nobody_would_send(
    sessions, gateway, simulator, payment_id, monkeypatch
):
    monkeypatch.setattr(payment_processor, "TURNS_MAX", 1)
    job = performing.claim(sessions.kw["bind"], ProcessPayment)

    assert PaymentProcessor(gateway).perform(job) == Snooze(1)
    with sessions() as session:
        asked = session.scalar(text("SELECT count(*) FROM gateway_requests"))
    assert asked == len(simulator.asked()) == 1


def test_a_lost_lease_takes_the_next_question_and_leaves_the_fact(
    sessions, gateway, simulator, payment_id
):
    engine = sessions.kw["bind"]
    job = performing.claim(engine, ProcessPayment)
    stolen = Interrupting(
        gateway, Op.CREATE_INTENT, after=lambda: performing.take_over(engine, job)
    )

    with pytest.raises(LeaseLost):
        PaymentProcessor(stolen).perform(job)

    with sessions() as session:
        payment = payments.get(session, payment_id)
    assert payment.gateway_intent_id is not None
    assert payment.attempts == []
    assert len(simulator.asked()) == 1


def test_a_worker_that_loses_its_lease_while_the_bank_answers_still_records_the_fact(
    sessions, gateway, simulator, payment_id
):
    engine = sessions.kw["bind"]
    job = performing.claim(engine, ProcessPayment)
    stolen = Interrupting(
        gateway, Op.CONFIRM_INTENT, after=lambda: performing.take_over(engine, job)
    )

    PaymentProcessor(stolen).perform(job)

    assert status(sessions, payment_id) is PaymentStatus.COMPLETED
    assert performing.ended_as(engine, job) is None  # its heir ends the job


def test_the_heir_of_a_finished_payment_ends_the_job_and_asks_nothing(
    sessions, gateway, simulator, payment_id
):
    engine = sessions.kw["bind"]
    job = performing.claim(engine, ProcessPayment)
    heirs = []
    stolen = Interrupting(
        gateway, Op.CONFIRM_INTENT, after=lambda: heirs.append(performing.take_over(engine, job))
    )
    PaymentProcessor(stolen).perform(job)
    asked = len(simulator.asked())

    PaymentProcessor(gateway).perform(heirs[0])

    assert len(simulator.asked()) == asked
    assert performing.ended_as(engine, heirs[0]) == "completed"


def test_two_workers_on_one_payment_at_the_same_moment_capture_once(
    sessions, gateway, simulator, payment_id
):
    """The second runs to its end between the first one's decision and its charge."""
    engine = sessions.kw["bind"]
    job = performing.claim(engine, ProcessPayment)

    def the_other_worker() -> None:
        PaymentProcessor(gateway).perform(performing.take_over(engine, job))

    overtaken = Interrupting(gateway, Op.CONFIRM_INTENT, before=the_other_worker)
    PaymentProcessor(overtaken).perform(job)

    assert len(simulator.captures(payment_id)) == 1
    assert status(sessions, payment_id) is PaymentStatus.COMPLETED
    with sessions() as session:
        postings = session.scalar(
            text("SELECT count(*) FROM ledger_postings WHERE kind = 'capture'")
        )
    assert postings == 1


def test_a_lost_answer_leaves_the_payment_processing_and_snoozes(
    sessions, gateway, simulator, payment_id
):
    simulator.faults(
        [{"match": {"op": "confirm_intent"}, "when": "after", "do": "drop", "times": 1}]
    )
    job = performing.claim(sessions.kw["bind"], ProcessPayment)

    outcome = PaymentProcessor(gateway).perform(job)

    assert isinstance(outcome, Snooze)
    assert status(sessions, payment_id) is PaymentStatus.PROCESSING
    assert len(simulator.captures(payment_id)) == 1


def test_a_payment_whose_job_was_lost_gets_a_new_one_from_the_janitor(
    sessions, gateway, simulator, payment_id, app_database_url
):
    with sessions.begin() as session:
        session.execute(text("DELETE FROM queue.jobs"))
        session.execute(text("UPDATE payments SET next_action_at = now() - interval '1 minute'"))

    with sessions.begin() as session:
        made = janitor.sweep(session, now=clock.now(session))
    queue = Queue(app_database_url, queues=QUEUES, workers=[PaymentProcessor(gateway), Sweeper()])
    drain_queue(queue, queues=("payments",))
    queue.engine.dispose()

    assert made == 1
    assert status(sessions, payment_id) is PaymentStatus.COMPLETED


def test_the_janitor_leaves_payments_alone_that_have_a_job_or_a_time(sessions, payment_id):
    with sessions.begin() as session:
        assert janitor.sweep(session, now=clock.now(session)) == 0


@pytest.mark.parametrize("give_back", [True, False])
def test_a_cancel_that_comes_too_late_gives_the_money_back_if_that_was_asked_for(
    sessions, gateway, simulator, payment_id, give_back
):
    def cancel() -> None:
        with sessions.begin() as session:
            payments.request_cancel(
                session, payment_id, refund_if_captured=give_back, now=clock.now(session)
            )

    job = performing.claim(sessions.kw["bind"], ProcessPayment)
    PaymentProcessor(Interrupting(gateway, Op.CONFIRM_INTENT, before=cancel)).perform(job)
    if give_back:
        RefundProcessor(gateway).perform(performing.claim(sessions.kw["bind"], ProcessRefund))

    with sessions() as session:
        payment = payments.get(session, payment_id)
        invoice = session.get_one(Invoice, payment.invoice_id)
    returned = payment.amount_minor if give_back else 0
    assert (payment.status, payment.refunded_minor) == (PaymentStatus.COMPLETED, returned)
    assert [line["amount_minor"] for line in simulator.journal()["refunds"]] == [
        returned
    ] * give_back
    assert invoice.due_minor == returned  # As behind a cancel that was fast enough.
    assert broken_rows(sessions) == []


def test_a_job_about_no_payment_is_cancelled_at_once(sessions, gateway, simulator):
    with sessions.begin() as session:
        queue_core.insert(session, ProcessPayment(payment_id="pay_nobody"))
    job = performing.claim(sessions.kw["bind"], ProcessPayment)

    outcome = PaymentProcessor(gateway).perform(job)

    assert isinstance(outcome, Cancel)
    assert simulator.asked() == []


@pytest.mark.parametrize("op", ["create_intent", "confirm_intent"])
@pytest.mark.parametrize(
    "fault",
    [
        {"when": "before", "do": "drop"},
        {"when": "after", "do": "drop"},
        {"when": "after", "do": "reset"},
        {"when": "after", "do": "hang"},
        {"when": "before", "do": "500"},
        {"when": "after", "do": "500"},
        {"when": "before", "do": "500_stored"},
        {"when": "before", "do": "503"},
        {"when": "before", "do": "429"},
        {"when": "before", "do": "409"},
        {"when": "after", "do": "truncate"},
        {"when": "after", "do": "html"},
        {"when": "before", "do": "late"},
        {"when": "after", "do": "dup"},
    ],
    ids=lambda fault: f"{fault['do']}-{fault['when']}",
)
def test_any_single_fault_ends_in_one_capture_once_it_has_passed(
    sessions, gateway, simulator, payment_id, app_database_url, op, fault
):
    simulator.faults([{"match": {"op": op}, "times": 1, **fault}])
    queue = Queue(app_database_url, queues=QUEUES, workers=[PaymentProcessor(gateway)])
    for _ in range(8):
        with sessions.begin() as session:
            session.execute(
                text("UPDATE payments SET next_action_at = now() WHERE next_action_at IS NOT NULL")
            )
        drain_queue(queue, queues=("payments",), with_scheduled=True, with_recursion=False)
        if status(sessions, payment_id) is PaymentStatus.COMPLETED:
            break
    queue.engine.dispose()

    assert status(sessions, payment_id) is PaymentStatus.COMPLETED
    assert len(simulator.captures(payment_id)) == 1
