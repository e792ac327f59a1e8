"""An endpoint that does not answer holds up nothing: its turn is short, and its requests end."""

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock, webhook_sender
from payments_app.jobs import DeliverWebhooks
from payments_app.services import outbound
from payments_app.webhook_sender import Outgoing
from queue_core import Job, Snooze
from queue_core import clock as queue_clock
from queue_core.errors import JobInterrupted
from tests.support import performing
from tests.support.conversation import Conversation
from workers.webhook_deliverer import WebhookDeliverer

Sessions = sessionmaker[Session]
Serve = Callable[[socket.socket], None]


class Silent:
    """Somebody's port: it takes connections, counts them, and does with each what the test says."""

    def __init__(self, serve: Serve) -> None:
        self.taken = 0
        self._serve = serve
        self._port = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._port.getsockname()[1]}/hook"
        self._thread = Thread(target=self._take)
        self._thread.start()

    def close(self) -> None:
        self._port.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._port.close()

    def _take(self) -> None:
        while True:
            try:
                connection, _ = self._port.accept()
            except OSError:
                return  # The test is over.
            with connection:
                self.taken += 1
                self._serve(connection)


@pytest.fixture
def silent() -> Iterator[Silent]:
    """It hangs up without a word."""
    made = Silent(lambda _connection: None)
    yield made
    made.close()


@pytest.fixture
def job(sessions: Sessions, app_engine: Engine, silent: Silent) -> Job[Any]:
    """The job of an endpoint for which several deliveries are due."""
    with sessions.begin() as session:
        outbound.add_endpoint(session, silent.url)
    Conversation.about_a_new_payment(sessions)
    with sessions.begin() as session:
        due = session.execute(text("SELECT count(*) FROM webhook_deliveries")).scalar_one()
        assert due > 1
        outbound.dispatch(session, now=clock.now(session))
    return performing.claim(app_engine, DeliverWebhooks)


def test_an_endpoint_that_does_not_answer_costs_one_request_per_turn(job, silent):
    outcome = WebhookDeliverer(allow_private=True).perform(job)

    assert silent.taken == 1
    assert isinstance(outcome, Snooze)
    assert outcome.seconds >= outbound.RETRY_DELAYS_S[0]


def test_no_request_begins_that_the_deadline_could_cut_off(job, silent):
    job._run.deadline_s = queue_clock.boottime_s() + webhook_sender.REQUEST_MAX_S - 1

    outcome = WebhookDeliverer(allow_private=True).perform(job)

    assert silent.taken == 0
    assert outcome == Snooze(1.0)


def test_no_request_begins_when_the_worker_is_stopping(job, silent):
    job._run.interrupted = "the node stops"

    with pytest.raises(JobInterrupted):
        WebhookDeliverer(allow_private=True).perform(job)

    assert silent.taken == 0


def test_a_turn_and_one_whole_request_end_before_the_deadline():
    """So the last request, however it ends, is written down, and the process is never killed."""
    assert DeliverWebhooks.__job__.timeout_s >= 1.5 * webhook_sender.REQUEST_MAX_S


def test_an_answer_that_drips_in_is_cut_off():
    """Each byte begins a read time-out anew: alone it would never end."""
    told = Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 2")
        try:
            for _ in range(250):
                if told.wait(0.02):
                    break
                connection.sendall(b"0")
        except OSError:
            told.set()  # Cut off.

    endpoint = Silent(drip)
    try:
        answer = webhook_sender.send(outgoing(endpoint.url), allow_private=True, within_s=0.3)

        assert answer.status is None
        assert told.wait(5)
    finally:
        told.set()
        endpoint.close()


def outgoing(url: str) -> Outgoing:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    return Outgoing(
        delivery_id="whd_1",
        event_id="evt_1",
        url=url,
        secret="whsec_" + "c2VjcmV0" * 5,
        type="payment.pending",
        subject_id="pay_1",
        seq=1,
        at=at,
        now=at,
    )
