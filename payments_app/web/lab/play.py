"""Free play: hold a worker at a point of its code, then do to it what you like.

The run is a run like any other: the same page draws it, the same buttons reach its processes, and
when everything has been let go on, it is judged by the same invariants.
"""

from typing import Any

from flask import render_template, request

from payments_app.lab import moments
from payments_app.lab.scenarios.play import FREE_PLAY
from payments_app.web.lab import words
from payments_app.web.lab.blueprint import bp, laboratory
from payments_app.web.lab.scenarios import Wish, started
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import signed_in

# Where a worker may be held, in words; the first is the usual one.
MOMENTS = {
    "charged": "after the capture, before it has used the answer",
    "calling": "just before it sends the charge",
    "written": "with the answer written, before the commit",
    "saved": "after the commit, before the job ends",
    "": "nowhere: it runs through",
}


@bp.get("/play")
@requires(Permission.WATCH_LAB)
def play() -> Page:
    return _page(Wish(processors=["idempotent"]), "charged")


@bp.post("/play")
@requires(Permission.RUN_LAB)
def start_play() -> Page:
    processor, moment = request.form.get("processor", ""), request.form.get("moment", "")
    wish = Wish(processors=[processor])
    if processor not in FREE_PLAY.expected:
        wish.errors["processor"] = "Choose a processor."
    if moment not in MOMENTS:
        wish.errors["moment"] = "Choose where the worker is held."
    if wish.errors:
        return _page(wish, moment), wish.status
    holds = dict([moments.checkpoint(processor, moment)]) if moment else {}
    given: dict[str, Any] = {"user": signed_in().id, "options": {"holds": holds}}
    start = laboratory().start
    return started(
        lambda: start(FREE_PLAY.id, [processor], **given), wish, lambda: _page(wish, moment)
    )


def _page(wish: Wish, moment: str) -> str:
    return render_template(
        "lab/play.html",
        wish=wish,
        moment=moment,
        moments=MOMENTS,
        processors=list(FREE_PLAY.expected),
        recorded_only=laboratory().why_recorded_only(),
        words=words,
    )
