"""Queues: what waits, what runs, what is paused; pausing and resuming them."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payments_app.queries.alarms import alarms
from payments_app.web.operations.blueprint import bp
from payments_app.web.operations.jobs import recent_jobs
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading, signed_in, writing
from queue_core import control
from queue_core.errors import InvalidJob

STATES = ("available", "scheduled", "executing", "retryable", "suspended")
FINISHED = ("completed", "cancelled", "discarded")
LIMIT_MAX = 1000
CHORES = "maintenance"
LOOKED_AT_MAX = 100
SHOWN_MAX = 15


@bp.get("/queues")
@requires(Permission.READ_OPERATIONS)
def queues() -> Page:
    with reading() as db:
        return render_template(
            "operations/queues.html",
            queues=control.list_queues(db),
            jobs=_newest(db),
            workers=control.list_workers(db),
            states=STATES,
            finished=FINISHED,
            alarms=alarms(db),
        )


@bp.post("/queues/<name>/pause")
@requires(Permission.ACT_ON_JOBS)
def pause_queue(name: str) -> Response:
    with writing() as db:
        control.pause_queue(db, name, actor=_actor())
    flash(f"{name} is paused: running jobs end, no new one starts.", "warn")
    return redirect(url_for(".queues"), 303)


@bp.post("/queues/<name>/resume")
@requires(Permission.ACT_ON_JOBS)
def resume_queue(name: str) -> Response:
    with writing() as db:
        control.resume_queue(db, name, actor=_actor())
    flash(f"{name} runs again.", "ok")
    return redirect(url_for(".queues"), 303)


@bp.post("/queues/<name>/limit")
@requires(Permission.ACT_ON_JOBS)
def scale_queue(name: str) -> Response:
    typed = request.form.get("limit", "").strip()
    if not (typed.isascii() and typed.isdecimal() and 1 <= int(typed[:9]) <= LIMIT_MAX):
        flash(f"The limit is a whole number from 1 to {LIMIT_MAX}. To run none, pause.", "bad")
        return redirect(url_for(".queues"), 303)
    with writing() as db:
        control.scale_queue(db, name, int(typed), actor=_actor())
    flash(f"{name} now runs at most {typed} jobs at once in each process.", "ok")
    return redirect(url_for(".queues"), 303)


@bp.errorhandler(InvalidJob)
def refuse(error: InvalidJob) -> Response:
    flash(str(error), "bad")
    return redirect(url_for(".queues"), 303)


def _newest(db: Session) -> list[dict[str, Any]]:
    """The newest jobs that somebody caused: a chore that runs every minute would hide them."""
    found = recent_jobs(db, limit=LOOKED_AT_MAX)
    return [row for row in found if row["queue"] != CHORES][:SHOWN_MAX]


def _actor() -> str:
    return f"user:{signed_in().id}"
