"""``flask demo``: the contract's words, and an exit code that says whether it was as expected."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask

from payments_app import cli
from payments_app.config import load_config
from payments_app.db import Database
from payments_app.lab import catalogue

ROOT = Path(__file__).parent.parent.parent
FLASK = [sys.executable, "-m", "flask", "--app", "payments_app:create_app(edges=False)", "demo"]
DEMOS = ["double_click", "stolen_lease", "webhook_storm", "key_expiry", "refund_race"]
FIELDS = {"scenario", "processor", "seed", "verdict", "expected", "captures"}


@pytest.fixture
def demo(app_database_url, tmp_path):
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "DATABASE_URL": app_database_url, "DATA_DIR": str(tmp_path)}
        return subprocess.run(
            [*FLASK, *words], cwd=ROOT, env=env, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture
def command(tmp_path):
    """``flask demo`` in this process, for what plays nothing: no database is asked."""

    def run(*words: str, **env: str):
        secrets = dict.fromkeys(
            ("SECRET_KEY", "GATEWAY_API_KEY", "GATEWAY_WEBHOOK_SECRET"), "x" * 40
        )
        given = {"DATA_DIR": str(tmp_path), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
        config = load_config({**given, **secrets, **env})
        app = Flask("payments_app")
        app.extensions |= {"config": config, "database": Database(config)}
        cli.register(app)
        with app.app_context():
            return CliRunner().invoke(app.cli, ["demo", *words])

    return run


@pytest.mark.timeout(120)
def test_a_run_prints_its_verdict_and_ends_with_zero_when_it_is_as_expected(demo):
    done = demo("run", "7", "--processor", "naive", "--seed", "12", "--json")

    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert set(told) == FIELDS
    assert told["scenario"] == "kill-after-capture"
    assert (told["processor"], told["seed"]) == ("naive", 12)
    assert told["verdict"] == told["expected"] == "charged 2 times"
    assert told["captures"] == 2


@pytest.mark.full
@pytest.mark.timeout(120)
def test_a_run_is_told_line_by_line_without_colours_in_a_pipe(demo):
    done = demo("run", "kill-after-capture")

    assert done.returncode == 0, done.stderr
    assert "Worker A is killed: SIGKILL" in done.stdout
    assert "Captures in the gateway's journal: 1" in done.stdout
    assert done.stdout.rstrip().endswith("CHARGED ONCE, as expected")
    assert "\x1b[" not in done.stdout


def test_the_list_has_every_scenario_with_what_is_expected(command):
    told = json.loads(command("list", "--json").stdout)

    assert [each["id"] for each in told] == [each.id for each in catalogue.SCENARIOS]
    assert all(each["expected"]["idempotent"]["verdict"] for each in told)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("run", "nothing-like-that"), "There is no scenario nothing-like-that"),
        (("run", "refund-race", "--processor", "key-only"), "makes no sense for key-only"),
    ],
)
def test_what_cannot_be_played_is_said_in_one_line(command, words, message):
    done = command(*words)

    assert done.exit_code == 1
    assert message in done.stderr


def test_production_charges_nobody_wrongly_and_says_that_it_runs_nothing(command):
    done = command("run", "7", "--processor", "naive", APP_ENV="production")

    assert done.exit_code == 1
    assert "This is a production deployment" in done.stderr


@pytest.mark.full
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", DEMOS)
def test_a_demonstration_ends_with_its_verdict_and_leaves_nothing_behind(name, tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "demos" / f"{name}.py"), "--json"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["ok"]
    assert list(tmp_path.iterdir()) == [], "the scratch folder is gone"
