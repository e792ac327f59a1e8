"""Periodic jobs: when each fires, what became of the last one; pause, resume, run now."""

import re
from typing import Any

from flask import flash, redirect, render_template, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments_app.web.operations.blueprint import bp
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading, signed_in, writing
from queue_core import control
from queue_core.errors import InvalidJob

_EVERY = (
    (re.compile(r"\* \* \* \* \*"), "every minute"),
    (re.compile(r"\*/(\d+) \* \* \* \*"), "every {0} minutes"),
    (re.compile(r"(\d+) \* \* \* \*"), "every hour, {0} min past"),
    (re.compile(r"(\d+) (\d+) \* \* \*"), "every day at {1:0>2}:{0:0>2}"),
)


@bp.get("/schedules")
@requires(Permission.READ_OPERATIONS)
def schedules() -> Page:
    with reading() as db:
        return render_template("operations/schedules.html", entries=_entries(db))


@bp.post("/schedules/<name>/<any(pause, resume, run_now):verb>")
@requires(Permission.ACT_ON_JOBS)
def act_on_schedule(name: str, verb: str) -> Response:
    actor = f"user:{signed_in().id}"
    try:
        with writing() as db:
            if verb == "run_now":
                job = control.run_cron(db, name, actor=actor)
                said = f"{name} runs now, as job {job.id}."
            else:
                control.pause_cron(db, name, paused=verb == "pause", actor=actor)
                said = f"{name} is paused." if verb == "pause" else f"{name} fires again."
        flash(said, "warn" if verb == "pause" else "ok")
    except InvalidJob as error:
        flash(str(error), "bad")
    return redirect(url_for(".schedules"), 303)


def in_words(expression: str) -> str | None:
    """What a usual cron expression means; None for the others, which are shown as they are."""
    for pattern, words in _EVERY:
        if found := pattern.fullmatch(expression):
            return words.format(*found.groups())
    return None


def _entries(db: Session) -> list[dict[str, Any]]:
    entries = []
    for row in control.list_cron(db):
        last = control.list_cron_runs(db, row["name"], limit=1)
        words = in_words(row["expression"])
        entries.append({**row, "words": words, "last": last[0] if last else None})
    return entries
