"""Every way a request can fail, made into a problem: nothing else ever leaves the API.

An unexpected error is logged with its traceback under the request's id; the client gets the id and
no more. A database that does not answer is 503 with Retry-After: nothing was written, and the same
request with the same key may be sent again.
"""

import structlog
from flask import Blueprint, Flask, Response, g, json, request
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    default_exceptions,
)

from payments_app.api import parsing
from payments_app.api.problems import MEDIA_TYPE, TITLES, Problem, Refused, of_domain
from payments_app.db import DatabaseUnavailable
from payments_app.domain.errors import DomainError, VersionConflict
from payments_app.embedded_postgres import EmbeddedPostgresError

PREFIXES = ("/api/", "/webhooks/")
RETRY_AFTER_S = 5

log = structlog.get_logger("payments_app.api")

# Of SQLSTATE: deadlock, serialization failure, lock timeout, statement timeout. Our transaction
# was rolled back whole, and the next try has every chance.
_PASSING = {"40P01", "40001", "55P03", "57014"}

_DETAILS = {
    404: "There is nothing at this address. GET /api/v1/openapi.json lists what there is.",
    405: "This address does not know that method. The Allow header lists those it knows.",
    413: "The body is larger than 256 kB. Send less at once.",
    429: "Too many requests. Wait as long as Retry-After says.",
}
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 429: "rate_limited"}


def register(app: Flask) -> None:
    """Answer what no route took below PREFIXES; pages keep their own error pages."""

    @app.before_request
    def answer_unrouted() -> Response | None:
        error = request.routing_exception
        if request.path.startswith(PREFIXES) and isinstance(error, NotFound | MethodNotAllowed):
            return response_to(error)
        return None


def handle_on(blueprint: Blueprint) -> None:
    """Answer everything that fails inside a blueprint.

    Each code by itself: Flask prefers an application's page for 404 to a blueprint's handler for
    all codes.
    """
    for refusal in (*default_exceptions.values(), HTTPException, Exception):
        blueprint.register_error_handler(refusal, response_to)


def response_to(error: Exception) -> Response:
    """The answer to a request that failed with ``error``."""
    return as_response(problem_of(error))


def as_response(problem: Problem) -> Response:
    body = json.dumps(problem.document(g.request_id), sort_keys=True)
    return Response(body, problem.status, problem.headers, content_type=MEDIA_TYPE)


def problem_of(error: Exception) -> Problem:
    match error:
        case Refused():
            return error.problem
        case DomainError():
            return of_domain(error)
        case StaleDataError():
            return of_domain(VersionConflict(VersionConflict.__doc__))
        case HTTPException():
            return _of_http(error)
        case DBAPIError() | PoolTimeout() | DatabaseUnavailable() | EmbeddedPostgresError():
            return _of_database(error)
        case _:
            return _unexpected(error)


def _of_http(error: HTTPException) -> Problem:
    status = error.code or 500
    headers = {
        name: value
        for name, value in error.get_headers()
        if name.lower() in {"allow", "retry-after", "www-authenticate"}
    }
    if status >= 500:
        return _unexpected(error)
    if isinstance(error, RequestEntityTooLarge):
        parsing.discard_rest()
    code = _CODES.get(status) or TITLES.get(status, "refused").lower().replace(" ", "_")
    return Problem(status, code, _DETAILS.get(status) or error.description or "", (), headers)


def _of_database(error: Exception) -> Problem:
    cause = getattr(error, "orig", None)
    sqlstate = getattr(cause, "sqlstate", None)
    lost = isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, DBAPIError) and error.connection_invalidated
    )
    if isinstance(error, DBAPIError) and not lost and sqlstate not in _PASSING:
        return _unexpected(error)
    log.warning("database_unavailable", error=type(error).__name__, sqlstate=sqlstate)
    if sqlstate in _PASSING or isinstance(error, PoolTimeout):
        code, detail = "busy", "Too much is going on at once."
    else:
        code, detail = "database_unavailable", "The database does not answer."
    detail += " Nothing was written. Send the same request again, with the same Idempotency-Key."
    return Problem(503, code, detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def _unexpected(error: Exception) -> Problem:
    log.error("request_failed", exc_info=error)
    return Problem(
        500,
        "internal_error",
        "Something went wrong on our side. The same request may be sent again with the same "
        "Idempotency-Key. If it stays, report the request id.",
    )
