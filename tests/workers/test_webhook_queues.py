"""Endpoints that hang take the slots of the deliveries, never those of what comes in."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

import queue_core
from payments_app import clock
from payments_app.cli.db import upgrade
from payments_app.jobs import (
    QUEUES,
    DeliverWebhooks,
    DispatchWebhooks,
    HandleGatewayEvent,
    LookAtDisputes,
)
from payments_app.services import outbound
from queue_core import JobArgs
from tests.support import performing
from tests.support.conversation import Conversation
from tests.support.mortal_workers import workers
from tests.support.simulator import Simulator
from tests.support.waiting import wait_until
from workers.webhook_deliverer import WebhookDeliverer

Sessions = sessionmaker[Session]

OLD_QUEUE = "webhooks"
SLOTS = QUEUES[DeliverWebhooks.__job__.queue]
ENDPOINTS = 2 * SLOTS
_EXECUTING = text("SELECT count(*) FROM queue.jobs WHERE kind = :kind AND state = 'executing'")
_ENDED = text("SELECT count(*) FROM queue.job_history WHERE id = :id AND state = 'completed'")


@pytest.fixture
def hanging_url() -> Iterator[str]:
    """The kernel takes the connections; nobody reads what they say."""
    with socket.create_server(("127.0.0.1", 0), backlog=ENDPOINTS) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hook"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("gateway")) as running:
        yield running


def due(sessions: Sessions, url: str, *, endpoints: int) -> list[str]:
    """So many endpoints of this address with deliveries that are due, and no jobs yet."""
    with sessions.begin() as session:
        made = [outbound.add_endpoint(session, url).id for _ in range(endpoints)]
    Conversation.about_a_new_payment(sessions)
    with sessions.begin() as session:
        session.execute(text("DELETE FROM queue.jobs"))
    return made


def test_endpoints_that_hang_keep_nothing_waiting_but_deliveries(
    sessions: Sessions,
    app_database_url: str,
    simulator: Simulator,
    hanging_url: str,
    tmp_path: Path,
):
    due(sessions, hanging_url, endpoints=ENDPOINTS)
    with sessions.begin() as session:
        outbound.dispatch(session, now=clock.now(session))

    with workers(app_database_url, simulator, tmp_path):
        wait_until(
            lambda: count(sessions, _EXECUTING, kind="deliver_webhooks") == SLOTS,
            timeout_s=30,
            what="every slot of the deliveries hangs",
        )
        with sessions.begin() as session:
            asked = queue_core.insert(session, DispatchWebhooks())

        # Sooner than any of those that hang gives up.
        wait_until(lambda: count(sessions, _ENDED, id=asked.id) == 1, timeout_s=5, what="dispatch")


def test_what_comes_in_shares_its_queue_with_no_deliveries():
    others: list[type[JobArgs]] = [HandleGatewayEvent, LookAtDisputes, DispatchWebhooks]

    assert DeliverWebhooks.__job__.queue not in {each.__job__.queue for each in others}


def test_a_delivery_stored_in_the_old_queue_moves_to_its_own_and_sends_nothing_there(
    sessions: Sessions, app_engine: Engine, hanging_url: str
):
    """Of the time before: nodes that serve the old queue still claim it."""
    [endpoint_id] = due(sessions, hanging_url, endpoints=1)
    with sessions.begin() as session:
        queue_core.insert(session, DeliverWebhooks(endpoint_id=endpoint_id), queue=OLD_QUEUE)
    old = performing.claim(app_engine, DeliverWebhooks)

    WebhookDeliverer(allow_private=True).perform(old)

    assert performing.ended_as(app_engine, old) == "completed"
    moved = performing.claim(app_engine, DeliverWebhooks)
    assert (moved.queue, moved.args) == (DeliverWebhooks.__job__.queue, old.args)
    sent = text("SELECT count(*) FROM webhook_deliveries WHERE attempts > 0")
    assert count(sessions, sent) == 0


def test_an_installation_from_before_gets_the_queue_with_its_next_upgrade(
    sessions: Sessions, app_database_url: str
):
    with sessions.begin() as session:
        session.execute(text("DELETE FROM queue.queues WHERE name = 'deliveries'"))

    upgrade(app_database_url)

    found = text("SELECT process_limit FROM queue.queues WHERE name = 'deliveries'")
    assert count(sessions, found) == SLOTS


def count(sessions: Sessions, query, **values: object) -> int:
    with sessions() as session:
        return int(session.execute(query, values).scalar_one())
