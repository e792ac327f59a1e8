"""``flask users``: an account from the first day to the last."""

import pytest
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.services import access

PASSWORD = "a long enough password"


@pytest.fixture
def vera(flask_cli):
    name = ("--name", "Vera", "--role", "owner", "--password", PASSWORD)
    assert flask_cli("users", "add", "vera@example.com", *name).exit_code == 0


def test_an_account_can_be_listed_changed_and_ended(
    flask_cli, vera, sessions: sessionmaker[Session]
):
    other = ("--name", "Otto", "--role", "operator", "--password", PASSWORD)
    flask_cli("users", "add", "otto@example.com", *other)
    flask_cli("users", "role", "otto@example.com", "viewer")
    flask_cli("users", "password", "otto@example.com", "--password", "quite another password")
    flask_cli("users", "disable", "otto@example.com")

    otto, found = flask_cli("users", "list", "--json").json
    assert (otto["name"], otto["role"]) == ("Otto", "viewer")
    assert otto["disabled_at"] is not None
    assert found["disabled_at"] is None
    assert "password" not in flask_cli("users", "list").output
    flask_cli("users", "enable", "otto@example.com")
    with sessions.begin() as session:
        now = clock.now(session)
        known = access.sign_in(session, "otto@example.com", "quite another password", now=now)
        assert isinstance(known, access.SignedIn)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("disable", "vera@example.com"), "the last owner"),
        (("role", "vera@example.com", "staff"), "the last owner"),
        (("enable", "nobody@example.com"), "no user 'nobody@example.com'"),
        (("password", "vera@example.com", "--password", "short"), "at least 8 characters"),
        (("role", "vera@example.com", "queen"), "'queen' is not one of"),
    ],
)
def test_what_is_refused_is_one_message(flask_cli, vera, command, said):
    ran = flask_cli("users", *command)

    assert ran.exit_code != 0
    assert said in ran.output + ran.errors
