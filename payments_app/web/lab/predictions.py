"""What a reader expected of a run, and whether it came true.

A prediction is the reader's own, so it stands in the address of the page and in no record: whoever
is given the permalink sees the run, not somebody's guess.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request

from payments_app.lab.scenario import Scenario

Run = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Guess:
    """A prediction: its place in the list, its words, whether it came true; None: not known."""

    value: str
    text: str
    came_true: bool | None


def choices(scenario: Scenario) -> list[str]:
    """What may be sent as a prediction: its place in the scenario's list."""
    return [str(number) for number in range(len(scenario.predictions))]


def guess_of(run: Run, scenario: Scenario | None) -> Guess | None:
    """``?predict-naive=2`` of the page that is asked for; None when nothing was predicted."""
    value = request.args.get(f"predict-{run['processor']}", "")
    if scenario is None or value not in choices(scenario):
        return None
    number = int(value)
    happened = outcome(run, scenario) if run["captured_minor"] is not None else None
    came_true = None if happened is None else happened == number
    return Guess(value, scenario.predictions[number].text, came_true)


def refunded_minor(run: Run) -> int:
    """What the gateway gave back, as its recorded events say."""
    given = (event for event in run["events"] if event["kind"] == "refund")
    return sum(event["detail"].get("amount_minor", 0) for event in given)


def outcome(run: Run, scenario: Scenario) -> int | None:
    """Which of the predictions describes what happened; None when none does."""
    verdict = str(run["verdict"])
    match scenario.id:
        case "storm":
            return 1 if run["ok"] else 2
        case "webhook-storm":
            return 2 if re.search(r"posted \d+ times", verdict) else 1
        case "late-after-decline":
            return 0 if not run["captures"] else 1 if "recorded failed" in verdict else 2
        case "refund-race":
            return _by_amount(scenario, refunded_minor(run))
        case _:
            return _by_amount(scenario, run["captured_minor"])


def _by_amount(scenario: Scenario, amount_minor: int) -> int | None:
    amounts = [each.amount_minor for each in scenario.predictions]
    return amounts.index(amount_minor) if amount_minor in amounts else None
