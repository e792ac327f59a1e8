"""Workers: which processes are alive, where, and how much they are doing."""

from flask import render_template

from payments_app.web.operations.blueprint import bp
from payments_app.web.pages import Page
from payments_app.web.permissions import Permission, requires
from payments_app.web.transactions import reading
from queue_core import control


@bp.get("/workers")
@requires(Permission.READ_OPERATIONS)
def workers() -> Page:
    with reading() as db:
        found = control.list_workers(db)
    for worker in found:
        worker["state"] = (
            "lost" if not worker["alive"] else "draining" if worker["draining"] else "alive"
        )
    return render_template("operations/workers.html", workers=found)
