"""Telling others: one event per change, signed, at least once, and never into our own network."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from sqlalchemy import text
from standardwebhooks import Webhook, WebhookVerificationError

import queue_core
from payments_app import clock
from payments_app.domain.errors import Invalid
from payments_app.jobs import DeliverWebhooks, DispatchWebhooks
from payments_app.services import outbound
from queue_core import Snooze
from tests.support import performing
from tests.support.audited import broken_rows
from tests.support.conversation import Conversation
from workers.webhook_deliverer import WebhookDeliverer
from workers.webhook_dispatcher import WebhookDispatcher


class Receiver:
    """Somebody's server: it keeps what it was sent and answers what the test says."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], str]] = []
        self.answer = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.answer)
                self.send_header("Location", "http://127.0.0.1:9/")
                self.end_headers()

            def log_message(self, *said):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    thread = Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def endpoint(sessions, receiver):
    with sessions.begin() as session:
        return outbound.add_endpoint(session, receiver.url)


@pytest.fixture
def deliver(sessions, app_engine):
    def perform(*, allow_private: bool = True):
        with sessions.begin() as session:
            # Nobody settles the runs of this test: the last one's job must not swallow this one's.
            session.execute(text("DELETE FROM queue.jobs WHERE kind = 'deliver_webhooks'"))
            session.execute(text("UPDATE webhook_deliveries SET next_at = now()"
                                 " WHERE status = 'pending'"))  # fmt: skip
            outbound.dispatch(session, now=clock.now(session))
        job = performing.claim(app_engine, DeliverWebhooks)
        return WebhookDeliverer(allow_private=allow_private).perform(job)

    return perform


def states(sessions) -> list[str]:
    with sessions() as session:
        found = session.execute(text("SELECT DISTINCT status FROM webhook_deliveries ORDER BY 1"))
        return list(found.scalars())


def test_every_change_is_told_once_in_order_and_signed(sessions, endpoint, receiver, deliver):
    talk = Conversation.about_a_new_payment(sessions)
    talk.confirm_sent()
    talk.hear(talk.succeeded())

    assert deliver() is None

    told = [json.loads(body) for _, body in receiver.got]
    of_payment = [(each["type"], each["data"]["seq"]) for each in told
                  if each["data"]["id"] == talk.payment_id]  # fmt: skip
    assert of_payment == [
        ("payment.pending", 1),
        ("payment.processing", 2),
        ("payment.completed", 3),
    ]
    headers, body = receiver.got[-1]
    lower = {name.lower(): value for name, value in headers.items()}
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(body + " ", lower)
    assert states(sessions) == ["delivered"]
    assert broken_rows(sessions) == []


def test_a_change_is_told_by_jobs_of_its_own_commit(sessions, app_engine, endpoint, receiver):
    """No sweep, no minute: what the commit left in the queue is enough."""
    Conversation.about_a_new_payment(sessions)

    WebhookDispatcher().perform(performing.claim(app_engine, DispatchWebhooks))
    deliver = performing.claim(app_engine, DeliverWebhooks)

    assert WebhookDeliverer(allow_private=True).perform(deliver) is None
    assert "payment.pending" in [json.loads(body)["type"] for _, body in receiver.got]
    assert states(sessions) == ["delivered"]


def test_a_change_wakes_the_job_that_waits_to_repeat_another(
    sessions, app_engine, endpoint, receiver
):
    with sessions.begin() as session:
        waiting = queue_core.insert(
            session, DeliverWebhooks(endpoint_id=endpoint.id), schedule_in=3_600
        )
    Conversation.about_a_new_payment(sessions)

    WebhookDispatcher().perform(performing.claim(app_engine, DispatchWebhooks))

    assert performing.claim(app_engine, DeliverWebhooks).id == waiting.id


def test_what_is_due_later_wakes_nobody(sessions, app_engine, endpoint):
    Conversation.about_a_new_payment(sessions)
    with sessions.begin() as session:
        session.execute(text("UPDATE webhook_deliveries SET next_at = now() + interval '1 hour'"))

    WebhookDispatcher().perform(performing.claim(app_engine, DispatchWebhooks))

    assert performing.unfinished(app_engine, DeliverWebhooks) == 0


def test_both_secrets_sign_while_one_replaces_the_other(sessions, endpoint, receiver, deliver):
    with sessions.begin() as session:
        new = outbound.rotate_secret(session, endpoint.id, now=clock.now(session)).secret
    Conversation.about_a_new_payment(sessions)

    deliver()
    headers, body = receiver.got[-1]
    lower = {name.lower(): value for name, value in headers.items()}
    assert Webhook(endpoint.secret).verify(body, lower)
    assert Webhook(new).verify(body, lower)

    with sessions.begin() as session:
        session.execute(text("UPDATE webhook_endpoints SET previous_until = now()"))
        session.execute(text("UPDATE webhook_deliveries SET status = 'pending', next_at = now()"))
    deliver()
    headers, body = receiver.got[-1]
    lower = {name.lower(): value for name, value in headers.items()}
    assert Webhook(new).verify(body, lower)
    with pytest.raises(WebhookVerificationError):
        Webhook(endpoint.secret).verify(body, lower)


def test_what_was_not_taken_is_told_again_under_the_same_id(sessions, endpoint, receiver, deliver):
    Conversation.about_a_new_payment(sessions)
    receiver.answer = 302  # A redirect is no yes, and is not followed.
    assert isinstance(deliver(), Snooze)
    first = [headers["webhook-id"] for headers, _ in receiver.got]
    receiver.got.clear()
    receiver.answer = 204

    assert deliver() is None

    assert sorted(headers["webhook-id"] for headers, _ in receiver.got) == sorted(first)


def test_a_receiver_that_is_gone_is_told_nothing_more(sessions, endpoint, receiver, deliver):
    Conversation.about_a_new_payment(sessions)
    receiver.answer = 410

    deliver()

    assert states(sessions) == ["disabled"]
    assert len(receiver.got) == 1
    Conversation.about_a_new_payment(sessions)
    assert states(sessions) == ["disabled"]


def test_after_the_last_retry_it_is_over(sessions, endpoint, receiver, deliver):
    Conversation.about_a_new_payment(sessions)
    receiver.answer = 500
    with sessions.begin() as session:
        spent = text("UPDATE webhook_deliveries SET attempts = :attempts")
        session.execute(spent, {"attempts": len(outbound.RETRY_DELAYS_S)})

    assert deliver() is None

    assert states(sessions) == ["exhausted"]


def test_no_webhook_goes_into_our_own_network(sessions, endpoint, receiver, deliver):
    Conversation.about_a_new_payment(sessions)

    deliver(allow_private=False)

    assert receiver.got == []
    with sessions() as session:
        errors = session.execute(text("SELECT max(last_error) FROM webhook_deliveries"))
        assert "no public address" in errors.scalar_one()


def test_a_delivery_is_sent_again_on_request(sessions, endpoint, receiver, deliver):
    Conversation.about_a_new_payment(sessions)
    deliver()
    with sessions.begin() as session:
        one = session.execute(text("SELECT min(id) FROM webhook_deliveries")).scalar_one()
        outbound.replay(session, one, now=clock.now(session))
    before = len(receiver.got)

    deliver()

    assert len(receiver.got) == before + 1
    assert states(sessions) == ["delivered"]


def test_an_event_that_was_lost_is_missed_by_the_audit(sessions):
    """The negative control of I10."""
    Conversation.about_a_new_payment(sessions)
    with sessions.begin() as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("DELETE FROM outbound_events WHERE type = 'payment.pending'"))

    assert any("was never told" in line for line in broken_rows(sessions))


@pytest.mark.parametrize(
    "url", ["", "ftp://a.example", "https://", "https://u:p@a.example", "https://a.example/\u00e9"]
)
def test_an_address_that_is_none_is_refused(sessions, url):
    with sessions.begin() as session, pytest.raises(Invalid):
        outbound.add_endpoint(session, url)
