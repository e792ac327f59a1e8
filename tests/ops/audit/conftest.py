"""A settled business, played once per process and cloned for each test.

``world`` is shared through the one simulator, so a test that makes the gateway take more money
plays a world of its own: ``fresh_world``.
"""

from collections.abc import Iterator

import pytest
from psycopg import sql
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

from payments_app.db import make_engine
from payments_app.gateway.stripe_adapter import StripeGateway
from tests.support import databases
from tests.support.settled_world import SettledWorld, settle
from tests.support.simulator import Simulator

_CLOSE = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false")
_END_SESSIONS = sql.SQL(
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = {}"
)


@pytest.fixture(scope="session")
def settled(
    admin_url: str, app_template: str, simulator: Simulator
) -> Iterator[tuple[str, SettledWorld]]:
    with databases.database(admin_url, template=app_template) as url:
        engine = make_engine(url)
        gateway = StripeGateway(simulator.url, simulator.api_key)
        world = settle(sessionmaker(engine, expire_on_commit=False), gateway)
        engine.dispose()
        name = make_url(url).database or ""
        # A template may have no user; the queue's wake-up thread would keep its connection, and
        # make another.
        databases.execute(admin_url, _CLOSE.format(sql.Identifier(name)))
        databases.execute(admin_url, _END_SESSIONS.format(sql.Literal(name)))
        yield name, world


@pytest.fixture
def app_database_url(admin_url: str, settled: tuple[str, SettledWorld]) -> Iterator[str]:
    with databases.database(admin_url, template=settled[0]) as url:
        yield url


@pytest.fixture
def world(settled: tuple[str, SettledWorld]) -> SettledWorld:
    return settled[1]


@pytest.fixture
def fresh_world(sessions: sessionmaker[Session], simulator: Simulator) -> SettledWorld:
    return settle(sessions, StripeGateway(simulator.url, simulator.api_key))
