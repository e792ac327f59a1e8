"""The buttons of a run under way: freeze, kill, wake. They reach the processes of that run alone.

A press is a line in the run's folder. A run that has ended obeys nobody, and nothing outside the
lab has such an address.
"""

from flask import flash, redirect, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from payments_app.lab.console import VERBS, UnknownCommand
from payments_app.lab.records import UnknownRun
from payments_app.web.errors import page
from payments_app.web.lab.blueprint import bp, laboratory
from payments_app.web.permissions import Permission, requires


@bp.post("/runs/<run_id>/control")
@requires(Permission.RUN_LAB)
def control(run_id: str) -> Response:
    verb = request.form.get("verb", "")
    given = {name: request.form.get(name, "") for name in VERBS.get(verb, ())}
    lab = laboratory()
    try:
        if lab.records.run(run_id, with_events=False)["status"] != "running":
            flash("The run has ended: there is nobody left to press buttons for.", "warn")
        else:
            lab.control(run_id, verb, **given)
    except UnknownRun:
        raise NotFound from None
    except UnknownCommand as error:
        return page(422, message=f"No such button: {error}.")
    return redirect(url_for(".run", run_id=run_id), 303)
