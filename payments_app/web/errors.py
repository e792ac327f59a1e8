"""Error pages: what happened, what to do now, never a stack trace.

A form that timed out is given back with everything that was typed, ready to be sent again; only to
a person who sent it from our own page, so that no foreign page can have its entries confirmed here.
"""

from collections.abc import Callable
from typing import Any

from flask import Flask, current_app, g, render_template, request
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable
from werkzeug.wrappers import Response

from payments_app.db import DatabaseUnavailable
from payments_app.domain.errors import DomainError, Invalid, NotFound, RequestInProgress

WORDS = {
    400: ("Bad request", "The request could not be understood. Go back and try again."),
    401: ("Sign in first", "Your session has ended. Sign in and try again: nothing was changed."),
    403: ("Not allowed", "Your role may not do this."),
    404: ("Page not found", "There is nothing at this address. Check the link."),
    405: ("Wrong way in", "This address cannot be used like this. Start from the page before it."),
    409: ("Something changed", "This changed while you were looking. Reload and look again."),
    413: ("Too large", "What was sent is too large. Send less at once."),
    422: ("Cannot be processed", "Something in the request is not right."),
    429: ("Too many tries", "Wait a little, then try again."),
    500: ("Something went wrong", "It is our fault, and it has been logged. Nothing is half done."),
    503: ("Not available right now", "The database does not answer. It is asked again each time."),
}
NEVER_KEPT = frozenset({"csrf_token", "password"})

Handler = Callable[[Any], Any]


def register(app: Flask) -> None:
    earlier: Handler | None = app.error_handler_spec[None][None].get(HTTPException)

    def http_error(error: HTTPException) -> Any:  # noqa: ANN401 - what the API's handler answers
        if request.path.startswith("/api/") and earlier is not None:
            return earlier(error)
        return page(error.code or 500, error)

    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(CSRFError, form_timed_out)
    app.register_error_handler(DomainError, refused)
    for kind in (OperationalError, PoolTimeout, DatabaseUnavailable):
        app.register_error_handler(kind, no_database)


def page(code: int, error: HTTPException | None = None, message: str | None = None) -> Response:
    """The page of one status; the headers of the exception (Allow, Retry-After) are kept."""
    title, text = WORDS.get(code, WORDS[500] if code >= 500 else WORDS[400])
    if code in (401, 403, 409, 422, 429) and error is not None and error.description:
        text = error.description
    html = render_template(
        "errors/error.html",
        code=code,
        title=title,
        message=message or text,
        request_id=_request_id(),
    )
    response = current_app.make_response((html, code))
    if error is not None:
        for name, value in error.get_headers():
            if name not in ("Content-Type", "Content-Length"):
                response.headers[name] = value
    return response


def form_timed_out(error: CSRFError) -> Response | tuple[str, int]:
    ours = request.headers.get("Sec-Fetch-Site") in (None, "same-origin")
    kept = [
        (name, value) for name, value in request.form.items(multi=True) if name not in NEVER_KEPT
    ]
    return (
        render_template(
            "errors/timed_out.html",
            kept=kept if ours else [],
            reason=error.description,
            action=request.full_path.rstrip("?"),
        ),
        400,
    )


def refused(error: DomainError) -> Response:
    """A business rule said no where the page had no field to say it beside."""
    words = str(error) or (type(error).__doc__ or "").strip()
    if isinstance(error, NotFound):
        return page(404)
    code = 422 if isinstance(error, Invalid) else 409
    response = page(code, message=words)
    if isinstance(error, RequestInProgress):
        response.headers["Retry-After"] = "1"
    return response


def no_database(error: Exception) -> Any:  # noqa: ANN401 - what the handler of the 500 answers
    """A database that does not answer is a 503; a statement that it refused is our mistake."""
    if isinstance(error, DBAPIError) and not (
        error.connection_invalidated or isinstance(error, OperationalError)
    ):
        return page(500, InternalServerError())
    current_app.logger.warning("database unavailable: %s", type(error).__name__)
    response = page(503, ServiceUnavailable())
    response.headers["Retry-After"] = "5"
    return response


def _request_id() -> str:
    found: str = g.get("request_id", "")
    return found
