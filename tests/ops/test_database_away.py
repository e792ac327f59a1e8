"""Every command says so when its database is away, or is empty, and shows no traceback."""

from collections.abc import Iterator

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

from payments_app import create_app
from payments_app.config import load_config
from tests.support import databases

AWAY = "postgresql://user:secret-word@127.0.0.1:1/payments"
COMMANDS = [
    "db upgrade",
    "db current",
    "jobs list",
    "jobs show 1",
    "queues list",
    "workers list",
    "audit",
    "api-key list",
    "reconcile",
    "webhooks list",
]


@pytest.fixture(scope="module")
def empty(admin_url: str) -> Iterator[str]:
    """A database without a single table of ours."""
    with databases.database(admin_url) as url:
        yield url


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_does_not_answer_is_named_with_what_to_do(command: str) -> None:
    said = run(command, AWAY)

    assert said.exit_code == (3 if command == "audit" else 1)
    assert "does not answer at host 127.0.0.1, port 1" in said.output
    assert "correct DATABASE_URL" in said.output
    assert "Traceback" not in said.output
    assert "secret-word" not in said.output


@pytest.mark.parametrize("command", [*COMMANDS[2:], "cron list", "endpoints list", "run-workers"])
def test_an_empty_database_is_called_empty_with_what_to_do(command: str, empty: str) -> None:
    said = run(command, empty)

    assert said.exit_code == (3 if command == "audit" else 1)
    assert "flask db upgrade" in said.output
    assert "Traceback" not in said.output


def run(command: str, database_url: str) -> Result:
    app = create_app(load_config({"APP_ENV": "test", "DATABASE_URL": database_url}), edges=False)
    runner: FlaskCliRunner = app.test_cli_runner()
    with app.app_context():
        said: Result = runner.invoke(args=command.split())
    app.extensions["database"].close()
    return said
