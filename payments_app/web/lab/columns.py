"""One run as a column of the page: who it is, its rows, its verdict, and what was predicted.

Runs that were started together are shown side by side, in the order in which the scenario names
their processors; the address of one leads to all.
"""

from dataclasses import dataclass
from typing import Any

from flask import request

from payments_app.lab import catalogue
from payments_app.lab.records import Records, UnknownRun
from payments_app.lab.scenario import Scenario
from payments_app.web.lab import words
from payments_app.web.lab.drawing import Row, rows
from payments_app.web.status import Chip

Run = dict[str, Any]
DEFAULT_PREDICTIONS = Scenario.__dataclass_fields__["predictions"].default


@dataclass(frozen=True, slots=True)
class Guess:
    """A prediction: its number, its words, and whether it came true; None: nobody can tell yet."""

    value: str
    text: str
    came_true: bool | None


@dataclass(frozen=True, slots=True)
class Column:
    """``guess``: what the reader predicted for it; None when nothing was."""

    run: Run
    title: str
    protocol: str
    rows: list[Row]
    chip: Chip
    why: str
    code: dict[str, Any] | None
    guess: Guess | None

    @property
    def is_over(self) -> bool:
        return bool(self.run["status"] != "running")

    @property
    def is_judged(self) -> bool:
        """Whether a verdict was reached: the fault fired, and the run came to its end."""
        return self.run["status"] == "ended" and not self.run["inconclusive"]

    @property
    def paid_minor(self) -> int:
        """What the customer has paid in the end, by the gateway's journal."""
        return int(self.run.get("paid_minor", self.run["captured_minor"]) or 0)


def columns(records: Records, run_id: str) -> list[Column]:
    """The run and those that were started with it. Raises UnknownRun."""
    first = records.run(run_id)
    found = [first]
    for other in first.get("beside", ()):
        try:
            found.append(records.run(other))
        except UnknownRun:
            continue  # Removed after a day, or not shipped: this one still stands alone.
    scenario = catalogue.BY_ID.get(first["scenario"])
    order = list(scenario.processors) if scenario else []
    found.sort(key=lambda run: order.index(run["processor"]) if run["processor"] in order else 99)
    return [_column(run, scenario) for run in found]


def _column(run: Run, scenario: Scenario | None) -> Column:
    named = words.processor(run["processor"])
    told = scenario.as_json() if scenario else {"why": {}, "code": {}}
    return Column(
        run=run,
        title=named.title,
        protocol=named.protocol,
        rows=rows(run["events"], run["lanes"]),
        chip=words.verdict_chip(run),
        why=told["why"].get(run["processor"], ""),
        code=told["code"].get(run["processor"]),
        guess=_guess(run, scenario),
    )


def _guess(run: Run, scenario: Scenario | None) -> Guess | None:
    """``?predict-naive=2``: a prediction is the reader's own, so it is in the address alone."""
    value = request.args.get(f"predict-{run['processor']}", "")
    if scenario is None or value not in choices(scenario):
        return None
    number = int(value)
    return Guess(value, scenario.predictions[number].text, _came_true(run, scenario, number))


def choices(scenario: Scenario) -> list[str]:
    """What may be sent as a prediction: its place in the scenario's list."""
    return [str(number) for number in range(len(scenario.predictions))]


def _came_true(run: Run, scenario: Scenario, number: int) -> bool | None:
    if "came_true" in run:
        return None if run["came_true"] is None else bool(run["came_true"] == number)
    if scenario.predictions != DEFAULT_PREDICTIONS or run["captured_minor"] is None:
        return None  # Its amounts mean something else than what was captured.
    return bool(scenario.predictions[number].amount_minor == run["captured_minor"])
