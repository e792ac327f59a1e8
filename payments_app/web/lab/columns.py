"""One run as a column of the page: who it is, its rows, its verdict, and what was predicted.

Runs that were started together are shown side by side, in the order in which the scenario names
their processors; the address of one leads to all.
"""

from dataclasses import dataclass
from typing import Any

from payments_app.lab import catalogue
from payments_app.lab.records import Records, UnknownRun
from payments_app.lab.scenario import Scenario
from payments_app.web.lab import words
from payments_app.web.lab.drawing import Row, rows
from payments_app.web.lab.predictions import Guess, guess_of, refunded_minor
from payments_app.web.status import Chip

Run = dict[str, Any]


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
    refunded_minor: int

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
        return int(self.run["captured_minor"]) - self.refunded_minor


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
        guess=guess_of(run, scenario),
        refunded_minor=refunded_minor(run),
    )
