"""The world of every test: a PostgreSQL, a database of its own, no network, no user's settings.

``TEST_DATABASE_URL`` names a server on which databases may be made; without it an embedded server
is started for the run (without fsync), shared by all pytest-xdist workers and removed at the end.
A user's ``.env`` and ``DATABASE_URL`` are never read: a test must not touch a real database.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from payments_app import embedded_postgres
from tests.support import databases
from tests.support.crash_report import pytest_terminal_summary  # noqa: F401 - a hook of this run
from tests.support.network import allow_loopback_only
from tests.support.reused import ReusedDatabase, reused
from tests.support.together import pytest_xdist_make_scheduler  # noqa: F401 - a hook of this run

ROOT = Path(__file__).parent.parent
SERVER_DIR = ROOT / ".pytest_postgres"
SERVER_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
USERS_SETTINGS = (
    *(
        "APP_ENV",
        "DATABASE_URL",
        "DATA_DIR",
        "SECRET_KEY",
        "HOST",
        "PORT",
        "PUBLIC_URL",
        "GATEWAY_PORT",
    ),
    *("GATEWAY_URL", "GATEWAY_API_KEY", "GATEWAY_WEBHOOK_SECRET", "GATEWAY_TIMEOUT_SECONDS"),
    *("SMTP_URL", "QUEUES", "WORKER_PROCESSES", "LEASE_SECONDS", "SHUTDOWN_TIMEOUT_SECONDS"),
    *("LOG_FORMAT", "METRICS_TOKEN"),
    *("CHECKPOINTS", "QUEUE_CLAIM_AHEAD", "FLASK_APP", "FLASK_DEBUG"),
)


def pytest_configure(config: pytest.Config) -> None:
    for name in USERS_SETTINGS:
        os.environ.pop(name, None)
    os.environ["FLASK_SKIP_DOTENV"] = "1"
    os.environ["APP_ENV"] = "test"
    os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="charged-once-tests-")
    allow_loopback_only()
    if _is_controller():
        os.environ[databases.RUN_ID] = secrets.token_hex(4)
        # What a killed run left behind. Refused, and shared, while another run uses it.
        with contextlib.suppress(embedded_postgres.EmbeddedPostgresError):
            embedded_postgres.remove(SERVER_DIR)


def pytest_unconfigure(config: pytest.Config) -> None:
    data_dir = Path(os.environ["DATA_DIR"])
    embedded_postgres.remove(data_dir)
    shutil.rmtree(data_dir, ignore_errors=True)
    if _is_controller():
        admin_url = os.environ.get("TEST_DATABASE_URL")
        if admin_url:
            databases.drop(admin_url, databases.app_template_name())
        else:
            with contextlib.suppress(embedded_postgres.EmbeddedPostgresError):
                embedded_postgres.remove(SERVER_DIR)
                shutil.rmtree(SERVER_DIR, ignore_errors=True)


@pytest.fixture(scope="session")
def admin_url() -> Iterator[str]:
    """A server on which this run may make and drop databases."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with embedded_postgres.server(SERVER_DIR, settings=SERVER_SETTINGS) as url:
        yield databases.in_database(url, "postgres")


@pytest.fixture
def database_url(admin_url: str) -> Iterator[str]:
    """An empty database of this test's own."""
    with databases.database(admin_url) as url:
        yield url


@pytest.fixture(scope="session")
def app_template(admin_url: str, run_dir: Path) -> str:
    """The name of a database with the schema of the business and of the queue, for cloning."""
    from payments_app.cli.db import upgrade

    return databases.template_database(
        admin_url, databases.app_template_name(), fill=upgrade, lock=run_dir / "app_template"
    )


@pytest.fixture(scope="session")
def reused_app_database(admin_url: str, app_template: str) -> Iterator[ReusedDatabase]:
    yield from reused(admin_url, app_template)


@pytest.fixture
def app_database_url(reused_app_database: ReusedDatabase) -> str:
    """A database with the whole schema and no rows: this test's alone while it runs."""
    return reused_app_database.take()


@pytest.fixture
def app_engine(app_database_url: str, reused_app_database: ReusedDatabase) -> Engine:
    """An engine on this test's database."""
    return reused_app_database.engine


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run share."""
    own = tmp_path_factory.getbasetemp()
    return own if _is_controller() else own.parent


def _is_controller() -> bool:
    return "PYTEST_XDIST_WORKER" not in os.environ
