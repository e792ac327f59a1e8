"""The hourly audit: it looks at everything, keeps what it found, and never fails for that."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import sessionmaker

import queue_core
from payments_app.domain.check_run import AuditRun
from payments_app.gateway.stripe_adapter import StripeGateway
from payments_app.jobs import RunAudit
from tests.support import performing
from tests.support.forgetting import forget_the_capture
from tests.support.settled_world import settle
from tests.support.simulator import Simulator
from workers.auditor import Auditor


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    with Simulator(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture
def audited(app_engine, simulator):
    sessions = sessionmaker(app_engine, expire_on_commit=False)

    def run(url: str | None = None) -> AuditRun:
        with sessions.begin() as session:
            queue_core.insert(session, RunAudit())
        Auditor(url or simulator.url).perform(performing.claim(app_engine, RunAudit))
        with sessions() as session:
            return session.scalars(
                select(AuditRun).order_by(AuditRun.finished_at.desc()).limit(1)
            ).one()

    return run


def test_each_run_is_kept_and_a_failure_is_an_alarm(app_engine, simulator, audited, capfd):
    simulator.reset()
    sessions = sessionmaker(app_engine, expire_on_commit=False)
    world = settle(sessions, StripeGateway(simulator.url, simulator.api_key))
    clean = audited()
    forget_the_capture(sessions, world.paid)

    broken = audited()

    assert (clean.ok, clean.failed) == (True, [])
    assert len(clean.findings) == 12
    assert broken.ok is False
    assert "I2" in broken.failed
    assert "audit_failed" in "".join(capfd.readouterr())
    assert audited("http://127.0.0.1:9").trouble is not None
