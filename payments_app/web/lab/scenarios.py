"""One scenario before it runs: its question, the reader's prediction, and the Run button."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import g, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound

from payments_app import clock
from payments_app.lab import catalogue
from payments_app.lab.laboratory import Busy, RecordedOnly
from payments_app.lab.scenario import DEFAULT_SEED, Scenario
from payments_app.lab.scenarios import storm
from payments_app.web.lab import words
from payments_app.web.lab.blueprint import bp, laboratory
from payments_app.web.lab.predictions import choices
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, allows, requires
from payments_app.web.transactions import reading, signed_in

SEED_LENGTH_MAX = 9
RUNS_SHOWN = 10


@dataclass
class Wish:
    """What somebody asks for: processors, a seed, and what they expect of each."""

    processors: list[str] = field(default_factory=lambda: list(words.DEFAULT_COLUMNS))
    seed: str = str(DEFAULT_SEED)
    guesses: dict[str, str] = field(default_factory=dict)
    payments: str = str(storm.PAYMENTS)
    errors: dict[str, str] = field(default_factory=dict)
    busy_with: str | None = None

    def options(self, found: Scenario) -> dict[str, Any]:
        return {"payments": int(self.payments)} if found is storm.STORM else {}

    @property
    def status(self) -> int:
        return 409 if self.busy_with else 422 if self.errors else 200


@bp.get("/<scenario_id>")
@requires(Permission.WATCH_LAB)
def scenario(scenario_id: str) -> Page:
    found = known(scenario_id)
    if allows(signed_in().role, Permission.RUN_LAB):
        laboratory().warm()
    return _page(found, Wish())


@bp.post("/<scenario_id>")
@requires(Permission.RUN_LAB)
def run_scenario(scenario_id: str) -> Page:
    found = known(scenario_id)
    wish = _read(found)
    if wish.errors:
        return _page(found, wish), wish.status
    start = laboratory().start
    given: dict[str, Any] = {"seed": int(wish.seed), "options": wish.options(found)}
    return started(
        lambda: start(found.id, wish.processors, user=signed_in().id, **given),
        wish,
        lambda: _page(found, wish),
    )


def started(start: Callable[[], list[str]], wish: Wish, page: Callable[[], str]) -> Page:
    """To the new run; or the form again, with what stands in the way."""
    try:
        first, *_ = start()
    except Busy as error:
        wish.busy_with = error.run_id
        return page(), wish.status
    except RecordedOnly as error:
        wish.errors["run"] = str(error)
        return page(), 409
    guesses: dict[str, Any] = {f"predict-{name}": each for name, each in wish.guesses.items()}
    return redirect(url_for("lab.run", run_id=first, **guesses), 303)


def known(scenario_id: str) -> Scenario:
    found = next((each for each in catalogue.SCENARIOS if each.id == scenario_id), None)
    if found is None:
        raise NotFound
    return found


def _read(found: Scenario) -> Wish:
    chosen = [name for name in found.processors if name in request.form.getlist("processor")]
    seed = request.form.get("seed", "").strip()
    wish = Wish(processors=chosen, seed=seed, guesses=_guesses(found))
    if not chosen:
        wish.errors["processor"] = "Choose at least one processor."
    if not is_number(seed):
        wish.errors["seed"] = f"A seed is a whole number of at most {SEED_LENGTH_MAX} digits."
    if found is storm.STORM:
        wish.payments = request.form.get("payments", "").strip()
        if not (is_number(wish.payments) and 1 <= int(wish.payments) <= storm.PAYMENTS_MAX):
            wish.errors["payments"] = f"From 1 to {storm.PAYMENTS_MAX} payments."
    return wish


def is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= SEED_LENGTH_MAX


def _guesses(found: Scenario) -> dict[str, str]:
    given = {name: request.form.get(f"predict-{name}", "") for name in found.processors}
    return {name: number for name, number in given.items() if number in choices(found)}


def _page(found: Scenario, wish: Wish) -> str:
    lab = laboratory()
    with reading() as session:
        g.now = clock.now(session)
    runs = [run for run in lab.records.runs() if run["scenario"] == found.id]
    return render_template(
        "lab/scenario.html",
        scenario=found.as_json(),
        wish=wish,
        runs=runs[:RUNS_SHOWN],
        recorded_only=lab.why_recorded_only(),
        storm=storm if found is storm.STORM else None,
        words=words,
    )
