"""The blueprint of the lab's pages, and the one laboratory of this process behind them.

The laboratory opens nothing until a run is asked for, so an application that nobody opens the lab
of starts no process and makes no database.
"""

from flask import Blueprint, current_app
from flask.blueprints import BlueprintSetupState

from payments_app.lab.laboratory import Laboratory, laboratory_for

bp = Blueprint("lab", __name__, url_prefix="/lab")


@bp.record_once
def _build(state: BlueprintSetupState) -> None:
    extensions = state.app.extensions
    database = extensions["database"]
    # A closure over the database: runs are played in threads without an application.
    extensions["lab"] = laboratory_for(extensions["config"], lambda: database.url)


def laboratory() -> Laboratory:
    found: Laboratory = current_app.extensions["lab"]
    return found
