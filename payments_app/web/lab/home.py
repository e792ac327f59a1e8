"""The lab's first page: honest terms, the scenarios with their last results, the crash matrix."""

from collections.abc import Iterable
from typing import Any

from flask import g, render_template

from payments_app import clock
from payments_app.lab import catalogue
from payments_app.web.lab import words
from payments_app.web.lab.blueprint import bp, laboratory
from payments_app.web.lab.matrix import table
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading

RUNS_SHOWN = 10
START_WITH = "kill-after-capture"
Runs = list[dict[str, Any]]


@bp.get("")
@requires(Permission.WATCH_LAB)
def home() -> Page:
    lab = laboratory()
    runs = lab.records.runs()
    own = [run for run in runs if not run.get("recorded")]
    # The cells of the crash matrix are runs, too; they are opened from there.
    shown = [run for run in own if not run["scenario"].startswith("matrix-")]
    with reading() as session:
        g.now = clock.now(session)
    return render_template(
        "lab/home.html",
        scenarios=[each.as_json() for each in catalogue.SCENARIOS],
        last=last_results(runs),
        runs=shown[:RUNS_SHOWN],
        table=table(),
        start_with=catalogue.BY_ID[START_WITH],
        recorded_only=lab.why_recorded_only(),
        words=words,
    )


def last_results(runs: Iterable[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Scenario → processor → its newest run that has ended; ``runs`` come newest first."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for run in runs:
        if run["status"] == "ended":
            found.setdefault(run["scenario"], {}).setdefault(run["processor"], run)
    return found
