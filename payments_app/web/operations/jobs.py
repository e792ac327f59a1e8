"""Jobs: the list by state and queue, one job with its runs, and what an operator may do to it."""

import json
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from payments_app.web.filters import short_id
from payments_app.web.operations.blueprint import bp
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading, signed_in, writing
from queue_core import control

PAGE_SIZE = 50
ID_MAX = 2**63 - 1  # a bigint; a larger number names no job
ABOUT_LENGTH_MAX = 80
ALL_STATES = (
    *("available", "scheduled", "executing", "retryable", "suspended"),
    *("completed", "cancelled", "discarded"),
)
_WAITING = frozenset({"scheduled", "retryable", "suspended"})
_FINISHED = frozenset({"completed", "cancelled", "discarded"})
# A job argument that names a business object → the page of that object.
_LINKS = {
    "payment_id": ("business.payment", "payment_id"),
    "invoice_id": ("business.invoice", "invoice_id"),
}


@bp.get("/jobs")
@requires(Permission.READ_OPERATIONS)
def jobs() -> Page:
    chosen = request.args.get("state", "")
    state = chosen if chosen in ALL_STATES else ""
    queue = request.args.get("queue", "").replace("\x00", "")[:63]
    kind = request.args.get("kind", "").replace("\x00", "").strip()[:200]
    before = request.args.get("before", "")
    before_id = (
        int(before) if before.isascii() and before.isdecimal() and len(before) < 19 else None
    )
    with reading() as db:
        stats = control.stats(db)
        found = recent_jobs(
            db,
            limit=PAGE_SIZE + 1,
            which=control.Filter(
                states=(state,) if state else None, queue=queue or None, kind=kind or None
            ),
            before_id=before_id,
        )
        queues = [row["name"] for row in control.list_queues(db)]
    counts = {one: sum(by.get(one, 0) for by in stats.values()) for one in ALL_STATES}
    return render_template(
        "operations/jobs.html",
        jobs=found[:PAGE_SIZE],
        older=found[PAGE_SIZE - 1]["id"] if len(found) > PAGE_SIZE else None,
        counts=counts,
        queues=queues,
        chosen={"state": state, "queue": queue, "kind": kind},
    )


@bp.get("/jobs/<int:job_id>")
@requires(Permission.READ_OPERATIONS)
def job(job_id: int) -> Page:
    if job_id > ID_MAX:
        raise NotFound
    with reading() as db:
        found = control.show_job(db, job_id)
    if found is None:
        raise NotFound
    return render_template(
        "operations/job.html",
        job=found,
        args=_pretty(found["args"]),
        meta=_pretty(found["meta"]) if found["meta"] else None,
        link=_link(found["args"]),
        can_retry=found["state"] in _FINISHED,
        can_run_now=found["state"] in _WAITING,
        can_cancel=found["state"] not in _FINISHED,
    )


@bp.post("/jobs/<int:job_id>/<any(retry, run_now, cancel):verb>")
@requires(Permission.ACT_ON_JOBS)
def act_on_job(job_id: int, verb: str) -> Response:
    if job_id > ID_MAX:
        raise NotFound
    deed = {"retry": control.retry, "run_now": control.run_now, "cancel": control.cancel}[verb]
    with writing() as db:
        changed = deed(db, job_id, actor=f"user:{signed_in().id}")
    words = {"retry": "starts anew", "run_now": "runs now", "cancel": "is being cancelled"}[verb]
    if changed.count:
        flash(f"Job {job_id} {words}.", "ok")
    else:
        why = changed.skipped.get(job_id, "its state no longer allows it")
        flash(f"Job {job_id} was left alone: {why}.", "warn")
    return redirect(url_for(".job", job_id=job_id), 303)


def recent_jobs(
    db: Session,
    *,
    limit: int,
    which: control.Filter | None = None,
    before_id: int | None = None,
) -> list[dict[str, Any]]:
    """Newest first, each with a line about what it is for."""
    found = control.list_jobs(db, which, limit=limit, before_id=before_id)
    for row in found:
        row["about"] = about(row["args"])
        row["link"] = _link(row["args"])
        row["last_error"] = error_words(row["errors"][-1]) if row["errors"] else None
    return found


def about(args: dict[str, Any]) -> str:
    """What a job is for, in one line: ``payment pay_…2bb4c1cf``."""
    words = (f"{name.removesuffix('_id')} {short_id(str(value))}" for name, value in args.items())
    return ", ".join(words)[:ABOUT_LENGTH_MAX]


def error_words(error: Any) -> str:  # noqa: ANN401 - JSON
    """An error of a run, in one line."""
    if not isinstance(error, dict):
        return str(error)
    kind, message = (
        error.get("type") or error.get("kind"),
        error.get("message") or error.get("reason"),
    )
    return ": ".join(str(part) for part in (kind, message) if part) or json.dumps(error)


def _link(args: dict[str, Any]) -> str | None:
    for name, (endpoint, field) in _LINKS.items():
        if isinstance(args.get(name), str):
            return url_for(endpoint, **{field: args[name]})
    return None


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
