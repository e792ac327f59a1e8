"""The database is lost in the middle: a COMMIT without a reply, ended sessions, a crashed server.

A client whose COMMIT was not answered cannot know whether it counts. Whatever the truth is, the
payment is captured once, posted once, and ends.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.orm import sessionmaker

from payments_app import clock, embedded_postgres
from payments_app.cli.audit import look
from payments_app.cli.db import upgrade
from payments_app.db import make_engine
from payments_app.domain.payment import PaymentStatus
from payments_app.embedded_postgres import cluster
from payments_app.embedded_postgres.place import locate
from payments_app.gateway.stripe_adapter import StripeGateway
from payments_app.jobs import QUEUES
from payments_app.services import payments
from queue_core import Queue
from queue_core.testing import drain_queue
from tests.support.business import a_payment, an_open_invoice
from tests.support.crash_story import Story
from tests.support.mortal_workers import workers
from tests.support.proxy import CommitEater
from tests.support.simulator import Simulator
from tests.support.waiting import wait_until
from workers.payment_processor import PaymentProcessor

# The first question, its answer with the second, the last answer: all of them name a request. A
# fourth is not made: the test with that number would notice it.
COMMITS = 3
HELD_AT = [("payment.locked", 1), ("payment.observed", 2)]
# In the short form: the commit that completes the payment, and the one that is not made.
SOME_COMMITS = (3, COMMITS + 1)
EVERYWHERE = [
    (point, nth)
    for point in ("locked", "decided", "sending", "answered", "observed", "recorded")
    for nth in (1, 2)
]
OBSERVER = "the test itself"
RUNS_MAX = 6
SETTINGS = {"fsync": "off", "synchronous_commit": "on", "full_page_writes": "off"}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@contextmanager
def observing(database_url: str):
    """Sessions that the harm does not reach: straight to the server, under a name of their own."""
    engine = make_engine(database_url, application_name=OBSERVER)
    yield sessionmaker(engine, expire_on_commit=False)
    engine.dispose()


def assert_charged_once(sessions, simulator: Simulator, payment_id: str) -> None:
    with sessions() as session:
        assert payments.get(session, payment_id).status is PaymentStatus.COMPLETED
    assert len(simulator.captures(payment_id)) == 1
    findings, trouble = look(sessions, simulator.url)
    assert trouble is None
    assert [(each.id, each.examples) for each in findings if each.ok is not True] == []


@pytest.mark.parametrize(
    "nth",
    [
        nth if nth in SOME_COMMITS else pytest.param(nth, marks=pytest.mark.full)
        for nth in range(1, COMMITS + 2)
    ],
)
def test_a_commit_without_a_reply_changes_nothing_for_the_customer(
    app_database_url, simulator, nth
):
    simulator.reset()
    gateway = StripeGateway(simulator.url, simulator.api_key, read_timeout_s=1)
    with ExitStack() as closing:
        sessions = closing.enter_context(observing(app_database_url))
        wire = closing.enter_context(CommitEater(app_database_url))
        with sessions.begin() as session:
            payment_id = a_payment(session, now=clock.now(session)).id
        queue = Queue(wire.url, queues=QUEUES, workers=[PaymentProcessor(gateway)])
        closing.callback(queue.engine.dispose)
        wire.eat(nth=nth, saying=b"gateway_requests")

        for _ in range(RUNS_MAX):
            with sessions.begin() as session:
                status = payments.get(session, payment_id).status
            if status is PaymentStatus.COMPLETED:
                break
            drain_queue(queue, queues=("payments",), with_scheduled=True, with_recursion=False)

        assert wire.eaten == (nth <= COMMITS)
        assert_charged_once(sessions, simulator, payment_id)


def test_workers_whose_deciding_commit_goes_unanswered_charge_once(
    app_database_url, simulator, tmp_path
):
    """The whole of it: worker processes behind the wire, the commit that completes the payment."""
    simulator.reset()
    with observing(app_database_url) as sessions, CommitEater(app_database_url) as wire:
        story = a_story(sessions, simulator)
        wire.eat(saying=b"INSERT INTO ledger_postings")
        with workers(wire.url, simulator, tmp_path):
            story.pay_it()
            story.wait_until_quiet()

        assert wire.eaten == 1
        assert_charged_once(sessions, simulator, story.payment_id)


@pytest.mark.parametrize(("point", "nth"), HELD_AT)
def test_ended_sessions_at_any_moment_charge_once(
    app_database_url, simulator, tmp_path, point, nth
):
    simulator.reset()
    with observing(app_database_url) as sessions:
        play_with_harm(
            app_database_url, sessions, simulator, tmp_path, (point, nth), end_sessions(sessions)
        )


@pytest.mark.full
@pytest.mark.parametrize(("point", "nth"), EVERYWHERE)
def test_ended_sessions_at_every_point_of_a_payment_charge_once(
    app_database_url, simulator, tmp_path, point, nth
):
    simulator.reset()
    with observing(app_database_url) as sessions:
        held_at = (f"payment.{point}", nth)
        play_with_harm(
            app_database_url, sessions, simulator, tmp_path, held_at, end_sessions(sessions)
        )


@pytest.mark.timeout(240)
def test_a_crashed_server_charges_once(simulator, tmp_path):
    """Stopped as by a power cut while an answer is being recorded, and started again."""
    simulator.reset()
    folder = tmp_path / "server"
    with embedded_postgres.server(folder, settings=SETTINGS) as database_url:
        upgrade(database_url)
        place = locate(folder)

        def crash() -> None:
            cluster._control(place, "stop", "-m", "immediate")
            cluster.start(place, SETTINGS)

        with observing(database_url) as sessions:
            play_with_harm(
                database_url, sessions, simulator, tmp_path, ("payment.observed", 2), crash
            )
    embedded_postgres.remove(folder)


def play_with_harm(
    database_url: str,
    sessions,
    simulator: Simulator,
    folder: Path,
    held_at: tuple[str, int],
    harm: Callable[[], None],
) -> None:
    """Pay; while a worker is held at the point, do the harm; let it go on; then look at all."""
    marker = folder / "held"
    point, nth = held_at
    story = a_story(sessions, simulator)
    done: list[str] = []

    def do_harm() -> None:
        wait_until(marker.exists, timeout_s=60)
        harm()
        done.append(point)
        marker.with_name("held.go").touch()

    harming = threading.Thread(target=do_harm)
    with workers(
        database_url,
        simulator,
        folder / "data",
        plan={point: {"do": "hold", "nth": nth, "file": str(marker)}},
    ):
        with sessions.begin() as session:
            story.payment_id = payments.request_payment(
                session, story.invoice_id, payment_method="pm_card_visa", now=clock.now(session)
            ).id
        harming.start()
        harming.join(100)
        assert done, f"inconclusive: nothing happened at {point}"
        wait_until(story._payment_is_completed, timeout_s=60)
        story.wait_until_quiet()

    assert_charged_once(sessions, simulator, story.payment_id)


def end_sessions(sessions) -> Callable[[], None]:
    def harm() -> None:
        with sessions() as session:
            ended = session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name <> :observer"
                ),
                {"observer": OBSERVER},
            ).all()
        assert ended, "no session to end"

    return harm


def a_story(sessions, simulator: Simulator) -> Story:
    """A story whose invoice is open already, so that it starts with the payment."""
    with sessions.begin() as session:
        invoice = an_open_invoice(session, now=clock.now(session))
    return Story(sessions, simulator, invoice_id=invoice.id)
