"""Payments while worker processes die: every one completed, every one charged once.

The short form runs with every submission; the full form is the issue's own: 200 payments over 20 s
and a kill every second, of which at least ten must find a payment in flight.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.own_server import OwnServer
from tests.support.running_app import RunningApp
from tests.support.storm import Storm

SHORT = {"count": 40, "over_s": 5.0, "kill_every_s": 0.5}
FULL = {"count": 200, "over_s": 20.0, "kill_every_s": 1.0}
# One payment in ten loses its answer after the gateway has executed it.
LOST_ANSWERS = [
    {
        "match": {"op": "confirm_intent"},
        "when": "after",
        "do": "drop",
        "probability": 0.1,
        "seed": 7,
    }
]

short_and_full = pytest.mark.parametrize(
    ("shape", "kills_at_least"),
    [
        pytest.param(SHORT, 3, id="short", marks=pytest.mark.timeout(240)),
        pytest.param(FULL, 10, id="full", marks=[pytest.mark.full, pytest.mark.timeout(400)]),
    ],
)


@contextmanager
def raging(app: RunningApp, shape: dict, *, kills_at_least: int) -> Iterator[Storm]:
    """The storm is over and everything has come to rest; afterwards the books must be clean."""
    storm = Storm(app, **shape).rage()
    states = storm.settled(timeout_s=60)
    met = storm.kills_that_met_a_payment()
    assert met >= kills_at_least, f"void: only {met} of {len(storm.killed)} kills met a payment"

    yield storm

    assert states == {"completed": storm.count}
    assert storm.captures_per_payment() == dict.fromkeys(storm.payment_ids, 1)
    code, output = app.run_flask("audit")
    assert code == 0, output


@pytest.mark.full  # The next one's short form kills as well.
@pytest.mark.timeout(400)
def test_every_payment_is_charged_once_while_workers_are_killed(
    tmp_path: Path, app_database_url: str
):
    with (
        RunningApp(tmp_path, app_database_url) as app,
        raging(app, FULL, kills_at_least=10) as storm,
    ):
        assert len(set(storm.payment_ids)) == storm.count


@pytest.mark.full  # The short form of test_every_weather.py loses answers as well.
@pytest.mark.timeout(400)
def test_every_payment_is_charged_once_while_answers_are_lost_as_well(
    tmp_path: Path, app_database_url: str
):
    with RunningApp(tmp_path, app_database_url) as app:
        app.faults(LOST_ANSWERS)
        with raging(app, FULL, kills_at_least=10):
            lost = [line for line in app.journal()["requests"] if line["fault"]]
            assert lost, "void: no answer was lost"


@short_and_full
def test_every_payment_is_charged_once_while_the_database_is_cut_off(
    tmp_path: Path, shape: dict, kills_at_least: int
):
    with OwnServer(tmp_path / "server") as server, RunningApp(tmp_path, server.url) as app:
        storm = Storm(app, **shape).rage(in_the_middle=server.restart)

        assert server.restarts == 1
        assert storm.settled(timeout_s=90) == {"completed": storm.count}
        assert storm.captures_per_payment() == dict.fromkeys(storm.payment_ids, 1)
        code, output = app.run_flask("audit")
        assert code == 0, output
