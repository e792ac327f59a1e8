"""Every command that needs the database says so when it is away, and shows no traceback."""

import pytest
from click.testing import Result
from flask.testing import FlaskCliRunner

from payments_app import create_app
from payments_app.config import load_config

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


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_that_does_not_answer_is_named_with_what_to_do(command: str) -> None:
    config = load_config({"APP_ENV": "test", "DATABASE_URL": AWAY})
    app = create_app(config, edges=False)
    runner: FlaskCliRunner = app.test_cli_runner()

    with app.app_context():
        said: Result = runner.invoke(args=command.split())

    assert said.exit_code == (3 if command == "audit" else 1)
    assert "does not answer at host 127.0.0.1, port 1" in said.output
    assert "correct DATABASE_URL" in said.output
    assert "Traceback" not in said.output
    assert "secret-word" not in said.output
