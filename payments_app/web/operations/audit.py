"""The audit on a page: the newest findings, the runs before it, and running it now."""

from flask import flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

import queue_core
from payments_app.jobs import RunAudit
from payments_app.queries import check_runs
from payments_app.web.operations.blueprint import bp
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading, writing


@bp.get("/audit")
@requires(Permission.READ_OPERATIONS)
def audit() -> Page:
    with reading() as db:
        return render_template("operations/audit.html", runs=check_runs.audit_runs(db))


@bp.post("/audit")
@requires(Permission.ACT_ON_JOBS)
def audit_now() -> Response:
    with writing() as db:
        queue_core.insert(db, RunAudit(), wake=True)
    flash("The invariants are being checked now. Look again in a moment.", "info")
    return redirect(url_for(".audit"), 303)
