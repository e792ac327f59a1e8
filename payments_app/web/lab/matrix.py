"""The crash matrix: every moment × every processor, really run; with progress while it is made.

The table on the page is the newest that was made here, or else the one that is shipped with the
project; each says when and of which code. Each cell is a run that can be opened.
"""

from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from payments_app.lab.laboratory import Busy, RecordedOnly
from payments_app.lab.matrix import Matrix
from payments_app.web.errors import page
from payments_app.web.lab import words
from payments_app.web.lab.blueprint import bp, laboratory
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires


@bp.get("/matrix")
@requires(Permission.WATCH_LAB)
def matrix() -> Page:
    return render_template(
        "lab/matrix.html",
        table=table(),
        recorded_only=laboratory().why_recorded_only(),
        words=words,
    )


@bp.post("/matrix")
@requires(Permission.RUN_LAB)
def make_matrix() -> Response:
    if request.form.get("again") != "yes":
        return page(422, message="Start from the button on the page of the crash matrix.")
    try:
        _matrix().run_again()
    except Busy:
        flash("The table is being made already: here is how far it is.", "info")
    except RecordedOnly as error:
        return page(409, message=str(error))
    return redirect(url_for(".matrix"), 303)


def table() -> dict[str, Any] | None:
    """What the page shows; None where none was made and none is shipped.

    Runs are removed after a day and the table is kept: a cell leads only to a run that is there.
    """
    try:
        told = _matrix().shown()
    except FileNotFoundError:
        return None
    folder = laboratory().records.folder
    for cell in (cell for row in told["rows"] for cell in row["cells"].values()):
        if cell["id"] is not None and not folder(cell["id"]).exists():
            cell["id"] = None
    return told


def _matrix() -> Matrix:
    """One beside the laboratory of this process: it knows whether its own batch is under way."""
    found: Matrix = current_app.extensions.setdefault("lab_matrix", Matrix(laboratory()))
    return found
