"""The storm: up to 200 payments, random faults at the gateway, and workers that are killed.

Everything is drawn from the seed: which request meets which fault, and when a worker is killed.
What is not drawn is how the machine schedules the rest, so two storms of one seed are alike, not
equal.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import text

from payments_app.lab import dice
from payments_app.lab.event import Lane
from payments_app.lab.moments import CHARGES
from payments_app.lab.scenario import Expected, Prediction, Scenario
from payments_app.lab.scoreboard import ALL_ONCE, SOME_WRONG
from payments_app.lab.stage import Stage

PAYMENTS, PAYMENTS_MAX = 20, 200
STORM_LIMIT_S = 45.0
KILL_EVERY_S = (0.6, 1.4)
# A storm has an end, and what matters is what is left when it is over.
KILLS_FOR_S = 12.0
CUSTOMERS_AT_ONCE = 4
FAULTS = (("drop", "after", 0.15), ("500", "after", 0.1), ("429", "before", 0.1))

# A rival is given up after so long without any change.
QUIET_S = 6.0

_STATE = text((Path(__file__).parent.parent / "sql" / "storm.sql").read_text(encoding="utf-8"))


def storm(stage: Stage) -> None:
    count = min(max(int(stage.options.get("payments", PAYMENTS)), 1), PAYMENTS_MAX)
    stage.gateway.faults([_fault(stage.seed, *fault) for fault in FAULTS])
    began_s = time.monotonic()
    with ThreadPoolExecutor(CUSTOMERS_AT_ONCE) as threads:
        list(threads.map(lambda number: stage.shop.pay(purchase=number), range(1, count + 1)))
    kills = _kill_until_still(stage, began_s + STORM_LIMIT_S)
    took_s = time.monotonic() - began_s
    stage.gateway.faults([])
    rate = count / took_s
    words = f"{count} payments in {took_s:.1f} s, {kills} workers killed: {rate:.1f} per second."
    stage.recorder.note(Lane.CUSTOMER, "note", words)
    stage.told["throughput"] = {"payments": count, "took_s": round(took_s, 2), "kills": kills}


def _kill_until_still(stage: Stage, until_s: float) -> int:
    """Kill a worker process now and then, until every payment is over or time is up."""
    kills, still = 0, Stillness(stage)
    calm_s = time.monotonic() + KILLS_FOR_S
    while time.monotonic() < until_s:
        low_s, high_s = KILL_EVERY_S
        pause_s = low_s + (high_s - low_s) * dice.draw(stage.seed, "pause", kills)
        if still.comes_within(pause_s):
            break
        nodes = sorted(stage.recorder.workers)
        if nodes and time.monotonic() < calm_s:
            node = nodes[dice.pick(stage.seed, len(nodes), "victim", kills)]
            stage.hands.kill(node, stage.recorder.workers[node])
            kills += 1
    return kills


class Stillness:
    """Nothing is open any more; or, with a rival, nothing has changed for a while."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._changes = -1
        self._since_s = time.monotonic()

    def comes_within(self, seconds: float) -> bool:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            if self._is_here():
                return True
            threading.Event().wait(0.1)
        return False

    def _is_here(self) -> bool:
        with self._stage.engine.connect() as connection:
            row = connection.execute(_STATE).one()
        if row.changes != self._changes:
            self._changes, self._since_s = row.changes, time.monotonic()
        given_up = not self._stage.is_ours and time.monotonic() - self._since_s > QUIET_S
        return bool(row.open == 0 or given_up)


def _fault(seed: int, do: str, when: str, probability: float) -> dict[str, object]:
    match = {"op": list(CHARGES)}
    number = dice.pick(seed, 10_000, do)
    return {
        "match": match,
        "do": do,
        "when": when,
        "probability": probability,
        "seed": number,
    }


STORM = Scenario(
    id="storm",
    number=14,
    title="The storm",
    question=(
        "Twenty customers pay at once. Answers get lost, errors come back for charges that were"
        " made, and worker processes are killed every second. How many pay exactly once?"
    ),
    story=storm,
    jobs_at_once=10,
    expected={
        "naive": Expected(SOME_WRONG, None),
        "classroom": Expected(SOME_WRONG, None),
        "key-only": Expected(ALL_ONCE, PAYMENTS),
        "idempotent": Expected(ALL_ONCE, PAYMENTS),
    },
    predictions=(
        Prediction(0, "Nobody can tell"),
        Prediction(12_000, "All of them, once"),
        Prediction(24_000, "Some of them twice"),
    ),
    why={
        "naive": "Each lost answer and each killed worker is another charge.",
        "classroom": "Each lost answer is a “failure” whose money is gone, and each killed worker"
        " leaves a payment that nobody will touch again.",
        "key-only": "No gateway forgets its keys within a minute. Scenario 13 is where this ends.",
        "idempotent": "The same five steps as ever, some of them several times.",
    },
    code={
        "naive": "naive.call",
        "classroom": "classroom.failed",
        "key-only": "key_only.call",
        "idempotent": "ours.ask_first",
    },
)
