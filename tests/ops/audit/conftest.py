"""A settled business, played once per process and cloned for each test.

``world`` is shared through one simulator, so a test that makes the gateway take more money plays a
world of its own, at a gateway of its own: ``fresh_world``. Books and journal must tell of the same
business, since money of nobody's is a finding.
"""

from collections.abc import Iterator
from pathlib import Path

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
def settled_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("settled")) as running:
        yield running


@pytest.fixture
def simulator(
    request: pytest.FixtureRequest, settled_simulator: Simulator, tmp_path: Path
) -> Iterator[Simulator]:
    if "fresh_world" not in request.fixturenames:
        yield settled_simulator
        return
    with Simulator(tmp_path / "own") as running:
        yield running


@pytest.fixture(scope="session")
def settled(
    admin_url: str, app_template: str, settled_simulator: Simulator
) -> Iterator[tuple[str, SettledWorld]]:
    with databases.database(admin_url, template=app_template) as url:
        engine = make_engine(url)
        gateway = StripeGateway(settled_simulator.url, settled_simulator.api_key)
        world = settle(sessionmaker(engine, expire_on_commit=False), gateway)
        engine.dispose()
        name = make_url(url).database or ""
        # A template may have no user; the queue's wake-up thread would keep its connection, and
        # make another.
        databases.execute(admin_url, _CLOSE.format(sql.Identifier(name)))
        databases.execute(admin_url, _END_SESSIONS.format(sql.Literal(name)))
        yield name, world


@pytest.fixture
def app_database_url(
    request: pytest.FixtureRequest,
    admin_url: str,
    app_template: str,
    settled: tuple[str, SettledWorld],
) -> Iterator[str]:
    fresh = "fresh_world" in request.fixturenames
    with databases.database(admin_url, template=app_template if fresh else settled[0]) as url:
        yield url


@pytest.fixture
def world(settled: tuple[str, SettledWorld]) -> SettledWorld:
    return settled[1]


@pytest.fixture
def fresh_world(sessions: sessionmaker[Session], simulator: Simulator) -> SettledWorld:
    return settle(sessions, StripeGateway(simulator.url, simulator.api_key))
