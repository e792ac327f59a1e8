"""``/healthz``: this process answers. ``/readyz``: all parts that a payment needs are up.

Readiness names each part and what is wrong with it, so that whoever waits for it knows what for.
"""

import requests
from flask import Blueprint, Response, current_app, jsonify
from sqlalchemy.exc import SQLAlchemyError

from payments_app.db import Database, DatabaseUnavailable
from payments_app.embedded_postgres import EmbeddedPostgresError
from payments_app.queries import readiness

blueprint = Blueprint("health", __name__)

# Shorter than the patience of any prober.
GATEWAY_TIMEOUT_S = 1.0
OK = "ok"


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer, and ask nobody else."""
    return jsonify(status=OK)


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """200 when database, schema, workers and gateway are up; 503 says which one is not."""
    parts = {**_database_parts(), "gateway": _gateway()}
    ready = all(state == OK for state in parts.values())
    return jsonify(status=OK if ready else "not ready", parts=parts), 200 if ready else 503


def _database_parts() -> dict[str, str]:
    database: Database = current_app.extensions["database"]
    try:
        with database.engine.connect() as connection:
            missing = readiness.missing_tables(connection)
            if missing:
                schema = f"{', '.join(missing)} missing: run `flask --app payments_app db upgrade`"
                return {"database": OK, "schema": schema, "workers": "unknown"}
            workers = OK if readiness.has_live_worker(connection) else "no worker is alive"
            return {"database": OK, "schema": OK, "workers": workers}
    except (SQLAlchemyError, DatabaseUnavailable, EmbeddedPostgresError):
        return {"database": "does not answer", "schema": "unknown", "workers": "unknown"}


def _gateway() -> str:
    url = current_app.extensions["config"].gateway_url
    try:
        # Whatever it says to a stranger, it is there.
        requests.get(url, timeout=GATEWAY_TIMEOUT_S, allow_redirects=False)
    except requests.RequestException:
        return "does not answer"
    return OK
