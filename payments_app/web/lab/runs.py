"""One run, live while it plays and as a permalink afterwards; its rows, its export.

The page as it is at load is whole: every row that has been recorded, and the verdict when there is
one. Scripts only ask for the rows after the last one that they have. A row is known by its number,
so a question that is asked twice, or an answer that is lost, neither doubles nor loses one.
"""

import json
from datetime import datetime

from flask import g, make_response, render_template, request
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from payments_app import clock
from payments_app.lab import catalogue
from payments_app.lab.console import ANSWERS, WORKERS
from payments_app.lab.records import UnknownRun
from payments_app.lab.scenarios.storm import STORM
from payments_app.web.lab import drawing, snippets
from payments_app.web.lab.blueprint import bp, laboratory
from payments_app.web.lab.columns import columns
from payments_app.web.lab.counting import counts
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading

SEQ_LENGTH_MAX = 9


@bp.get("/runs/<run_id>")
@requires(Permission.WATCH_LAB)
def run(run_id: str) -> Page:
    lab = laboratory()
    try:
        found = columns(lab.records, run_id)
    except UnknownRun:
        raise NotFound from None
    with reading() as session:
        g.now = clock.now(session)
    first = found[0].run
    is_storm = first["scenario"] == STORM.id
    return render_template(
        "lab/storm.html" if is_storm else "lab/run.html",
        columns=found,
        this=next(column.run for column in found if column.run["id"] == run_id),
        scenario=catalogue.BY_ID.get(first["scenario"]),
        is_running=any(not column.is_over for column in found),
        started_at=datetime.fromisoformat(first["started_at"]),
        workers=WORKERS,
        answers=ANSWERS,
        counts=[counts(column.run) for column in found] if is_storm else [],
        recorded_only=lab.why_recorded_only() if first.get("recorded") else None,
        snippets=snippets,
    )


@bp.get("/runs/<run_id>/rows")
@requires(Permission.WATCH_LAB)
def rows(run_id: str) -> Response:
    """The rows after number ``?after=``, drawn; and whether more may come."""
    after = request.args.get("after", "0")
    seen = (
        int(after) if after.isascii() and after.isdecimal() and len(after) < SEQ_LENGTH_MAX else 0
    )
    records = laboratory().records
    try:
        # The status first: an end that is written between the two reads is seen by the next one.
        told = records.run(run_id, with_events=False)
        events = records.events(run_id, after=seen)
    except UnknownRun:
        raise NotFound from None
    drawn = drawing.rows(events, told["lanes"])
    return make_response(
        {
            "rows": [
                {"seq": row.seq, "html": render_template("lab/row.html", row=row, run_id=run_id)}
                for row in drawn
            ],
            "running": told["status"] == "running",
        }
    )


@bp.get("/runs/<run_id>/export.json")
@requires(Permission.WATCH_LAB)
def export(run_id: str) -> Response:
    """The whole record, as a file: everything that the page is drawn from."""
    try:
        told = laboratory().records.run(run_id)
    except UnknownRun:
        raise NotFound from None
    response = make_response(json.dumps(told, indent=2, ensure_ascii=False))
    response.mimetype = "application/json"
    response.headers["Content-Disposition"] = f'attachment; filename="{told["id"]}.json"'
    return response
