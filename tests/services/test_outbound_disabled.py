"""A disabled endpoint is told nothing, whatever was committed while it was being disabled."""

from threading import Thread

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

import queue_core
from payments_app import clock
from payments_app.domain.outbound import WebhookEndpoint
from payments_app.jobs import DeliverWebhooks, SweepPayments
from payments_app.services import outbound
from payments_app.webhook_sender import Answer
from tests.support import performing
from tests.support.business import NOW, a_payment
from tests.support.locks import wait_for_a_lock
from workers.sweeper import Sweeper
from workers.webhook_deliverer import WebhookDeliverer

Sessions = sessionmaker[Session]


@pytest.fixture
def endpoint(sessions: Sessions) -> WebhookEndpoint:
    with sessions.begin() as session:
        return outbound.add_endpoint(session, "http://127.0.0.1:9/hook")


@pytest.fixture
def late(sessions: Sessions, endpoint: WebhookEndpoint) -> str:
    """A delivery that slipped in: its event's transaction is open while somebody disables."""

    def change_something() -> None:
        with sessions.begin() as session:
            a_payment(session)

    with sessions() as disabling:
        outbound.disable_endpoint(disabling, endpoint.id, reason="a test", now=NOW)
        changing = Thread(target=change_something)
        changing.start()
        wait_for_a_lock(sessions)
        disabling.commit()
        changing.join()
    with sessions() as session:
        assert states(session) == {"pending"}
        return str(session.execute(text("SELECT min(id) FROM webhook_deliveries")).scalar_one())


def states(session: Session) -> set[str]:
    return set(session.execute(text("SELECT status FROM webhook_deliveries")).scalars())


def test_what_slipped_in_while_its_endpoint_was_disabled_is_due_for_nobody(
    sessions: Sessions, app_engine: Engine, endpoint: WebhookEndpoint, late: str
):
    with sessions.begin() as session:
        now = clock.now(session)

        assert outbound.next_due(session, endpoint.id, now=now) is None
        assert outbound.dispatch(session, now=now) == 0
    assert performing.unfinished(app_engine, DeliverWebhooks) == 0


def test_the_sweep_ends_what_slipped_in(sessions: Sessions, app_engine: Engine, late: str):
    with sessions.begin() as session:
        queue_core.insert(session, SweepPayments())

    Sweeper().perform(performing.claim(app_engine, SweepPayments))

    with sessions() as session:
        assert states(session) == {"disabled"}


def test_a_run_ends_what_slipped_in_and_sends_none_of_it(
    sessions: Sessions, app_engine: Engine, endpoint: WebhookEndpoint, late: str
):
    with sessions.begin() as session:
        queue_core.insert(session, DeliverWebhooks(endpoint_id=endpoint.id))

    ended = WebhookDeliverer(allow_private=True).perform(
        performing.claim(app_engine, DeliverWebhooks)
    )

    with sessions() as session:
        assert ended is None
        assert states(session) == {"disabled"}
        sent = text("SELECT sum(attempts) FROM webhook_deliveries")
        assert session.execute(sent).scalar_one() == 0


@pytest.mark.parametrize("answer", [Answer(410), Answer(500), Answer(None, "no answer")])
def test_what_was_on_its_way_and_not_taken_ends_with_its_endpoint(
    sessions: Sessions, late: str, answer: Answer
):
    with sessions.begin() as session:
        outbound.record(session, late, answer, now=clock.now(session))

    with sessions() as session:
        ended = text("SELECT status, attempts, last_status FROM webhook_deliveries WHERE id = :id")
        assert tuple(session.execute(ended, {"id": late}).one()) == ("disabled", 1, answer.status)


def test_what_was_on_its_way_and_taken_is_delivered(sessions: Sessions, late: str):
    with sessions.begin() as session:
        outbound.record(session, late, Answer(204), now=clock.now(session))

    with sessions() as session:
        assert "delivered" in states(session)


def test_a_410_and_an_operator_at_once_wait_for_each_other_in_one_order(
    sessions: Sessions, endpoint: WebhookEndpoint
):
    with sessions.begin() as session:
        a_payment(session)
    with sessions() as session:
        one = session.execute(text("SELECT min(id) FROM webhook_deliveries")).scalar_one()

    def hear_410() -> None:
        with sessions.begin() as session:
            outbound.record(session, one, Answer(410), now=NOW)

    with sessions.begin() as disabling:
        outbound.get_endpoint(disabling, endpoint.id, lock=True)
        hearing = Thread(target=hear_410)
        hearing.start()
        wait_for_a_lock(sessions)
        outbound.disable_endpoint(disabling, endpoint.id, reason="by hand", now=NOW)
    hearing.join()

    with sessions() as session:
        assert states(session) == {"disabled"}
