"""Payments in all weathers: every kind of fault, kills, forgotten keys, webhooks in disorder.

Afterwards each payment was captured once, the books agree with the gateway, and nobody is asked to
decide what the gateway's own word could. The full form is the issue's: 2,000 payments, four worker
processes, every kind of fault at 5 %.
"""

import time
from pathlib import Path

import pytest

from tests.support import weather
from tests.support.crash_report import FIGURES
from tests.support.running_app import RunningApp
from tests.support.storm import Storm
from tests.support.waiting import wait_until

SEED = 20261124
PROCESSES = 4
# Of each kind. At 5 % more than half of all requests fail, and a last one waits for a minute.
SHORT_CHANCE, CHANCE = 0.02, 0.05
SHORT = {"count": 12, "over_s": 2.0, "kill_every_s": 0.5}
FULL = {"count": 2_000, "over_s": 60.0, "kill_every_s": 1.0}


@pytest.mark.parametrize(
    ("shape", "chance", "kills_at_least", "rest_s"),
    [
        pytest.param(SHORT, SHORT_CHANCE, 1, 60, id="short", marks=pytest.mark.timeout(240)),
        pytest.param(
            FULL, CHANCE, 30, 1500, id="full", marks=[pytest.mark.full, pytest.mark.timeout(2700)]
        ),
    ],
)
def test_every_payment_is_charged_once_in_every_weather(
    tmp_path: Path, app_database_url: str, record_property, shape, chance, kills_at_least, rest_s
):
    with RunningApp(tmp_path, app_database_url, processes=PROCESSES) as app:
        weather.break_out(app, chance=chance, seed=SEED)
        started = time.monotonic()
        storm = Storm(app, **shape).rage(in_the_middle=lambda: weather.forget_keys(app))
        storm.decided(timeout_s=rest_s)
        took_s = time.monotonic() - started
        faults = weather.fired(app)
        weather.clear_up(app)
        looked = weather.look_at_everything_left(app)
        wait_until(lambda: weather.looked_at(app), timeout_s=60)
        left = weather.only_people_can_decide(app)
        weather.decide(app, left)
        states = storm.settled(timeout_s=120)
        storm.quiet(timeout_s=rest_s)

        record_property(
            FIGURES,
            f"{storm.count} payments in {took_s:.1f} s, {storm.count / took_s:.1f} payments/s;"
            f" {len(storm.killed)} kills, {sum(faults.values())} faults of {len(faults)} kinds;"
            f" {looked} in review or silent for long looked at again,"
            f" {len(left)} decided by a person",
        )
        assert states == {"completed": storm.count}
        assert storm.captures_per_payment() == dict.fromkeys(storm.payment_ids, 1)
        assert len(storm.killed) >= kills_at_least
        assert sum(faults.values()) > storm.count / 4, f"void: too calm: {faults}"
        code, output = app.run_flask("audit")
        assert code == 0, output
