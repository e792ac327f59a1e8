"""Sessions on a database of the test's own, one simulator for all tests, and the command line."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from payments_app import cli
from payments_app.config import load_config
from payments_app.db import Database, make_engine
from tests.support.simulator import Simulator


@pytest.fixture
def engine(app_database_url: str) -> Iterator[Engine]:
    engine = make_engine(app_database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    return sessionmaker(engine, expire_on_commit=False)


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One for all tests: each has payments of its own, so that none sees another's money."""
    with Simulator(tmp_path_factory.mktemp("gateway")) as simulator:
        yield simulator


@dataclass(frozen=True)
class Ran:
    """What a command printed and how it ended."""

    exit_code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        return json.loads(self.output)


@pytest.fixture
def flask_cli(app_database_url: str, simulator: Simulator) -> Iterator[Callable[..., Ran]]:
    """``flask_cli("jobs", "list", "--json")`` on this test's database and gateway."""
    config = load_config(
        {"APP_ENV": "test", "DATABASE_URL": app_database_url, "GATEWAY_URL": simulator.url}
    )
    app = Flask("payments_app")  # The commands need no edge: no pages, no API.
    app.extensions |= {"config": config, "database": Database(config)}
    cli.register(app)

    def run(*words: str, gateway_url: str | None = None) -> Ran:
        if gateway_url is not None:
            app.extensions["config"] = load_config(
                {"APP_ENV": "test", "DATABASE_URL": app_database_url, "GATEWAY_URL": gateway_url}
            )
        with app.app_context():
            result = CliRunner().invoke(app.cli, words)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    yield run
    app.extensions["database"].close()
