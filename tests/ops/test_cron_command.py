"""``flask cron``: periodic jobs in the hands of an operator."""

import pytest

from payments_app.jobs import SweepPayments
from queue_core import Cron, control


@pytest.fixture
def nightly(engine) -> str:
    with engine.begin() as connection:
        control.add_cron(connection, Cron("nightly", "@daily", SweepPayments()))
    return "nightly"


def test_list_pause_and_resume(flask_cli, nightly):
    listed = flask_cli("cron", "list", "--json").json
    assert [(one["name"], one["paused"], one["declared"]) for one in listed] == [
        ("nightly", False, False)
    ]

    assert flask_cli("cron", "pause", nightly).exit_code == 0
    assert flask_cli("cron", "list", "--json").json[0]["next_at"] is None
    assert flask_cli("cron", "resume", nightly).exit_code == 0
    assert flask_cli("cron", "list", "--json").json[0]["next_at"] is not None


def test_run_now_inserts_the_job_and_is_in_its_history(flask_cli, nightly):
    made = flask_cli("cron", "run", nightly, "--json").json

    runs = flask_cli("cron", "runs", nightly, "--json").json
    assert [run["job_id"] for run in runs] == [made["id"]]
    assert "does this already" in flask_cli("cron", "run", nightly).output


def test_a_removed_entry_is_gone_and_an_unknown_name_is_explained(flask_cli, nightly):
    assert flask_cli("cron", "remove", nightly).exit_code == 0

    ran = flask_cli("cron", "remove", nightly)
    assert (ran.exit_code, "is unknown; known are none" in ran.errors) == (1, True)
