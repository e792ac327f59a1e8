"""Reconciliation: the runs, the breaks with both sides, and what a person does about one."""

from flask import flash, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

import queue_core
from payments_app.domain.errors import DomainError
from payments_app.domain.reconciliation import BreakStatus
from payments_app.jobs import Reconcile
from payments_app.queries import check_runs
from payments_app.services import reconciliation as service
from payments_app.web.break_words import WHAT
from payments_app.web.forms import Form
from payments_app.web.operations.blueprint import bp
from payments_app.web.pages import Page, page_number, with_page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading, writing


@bp.get("/reconciliation")
@requires(Permission.READ_OPERATIONS)
def reconciliation() -> Page:
    wanted = request.args.get("tab", "open")
    status = BreakStatus(wanted) if wanted in set(BreakStatus) else BreakStatus.OPEN
    with reading() as db:
        return render_template(
            "operations/reconciliation.html",
            page=check_runs.breaks(db, status, page=page_number()),
            counts=check_runs.break_counts(db),
            runs=check_runs.reconciliation_runs(db),
            tab=status,
            words=WHAT,
            page_url=with_page(),
        )


@bp.post("/reconciliation")
@requires(Permission.DECIDE)
def reconcile_now() -> Response:
    """The daily job, now: compare everything, repair what a rule allows, close what agrees."""
    with writing() as db:
        queue_core.insert(db, Reconcile(), wake=True)
    flash("Everything is being compared now. Look again in a moment.", "info")
    return redirect(url_for(".reconciliation"), 303)


@bp.get("/reconciliation/<break_id>")
@requires(Permission.READ_OPERATIONS)
def reconciliation_break(break_id: str) -> Page:
    return _page(break_id, Form())


@bp.post("/reconciliation/<break_id>")
@requires(Permission.DECIDE)
def resolve_break(break_id: str) -> Page:
    form = Form.submitted()
    try:
        with writing(reason=form["note"].strip()) as db:
            service.resolve_by_hand(db, break_id, note=form["note"], now=g.now)
    except DomainError as error:
        form.take(error)
        return _page(break_id, form), 422 if error.field else 409
    flash("The break is resolved. It opens again if the picture changes.", "ok")
    return redirect(url_for(".reconciliation_break", break_id=break_id), 303)


def _page(break_id: str, form: Form) -> str:
    with reading() as db:
        return render_template(
            "operations/break.html",
            found=check_runs.one_break(db, break_id),
            history=check_runs.history(db, break_id),
            words=WHAT,
            form=form,
        )
