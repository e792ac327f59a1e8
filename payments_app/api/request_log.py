"""One id and one log line per request, pages included.

The id comes in as ``X-Request-Id`` or is made here, goes out in the same header, into every log
line of the request, and through ``act_as`` into the transition log: one grep finds all of it.
"""

import re
import secrets
import time

import structlog
from flask import Flask, Response, g, request

from payments_app.api import metrics

HEADER = "X-Request-Id"
# What callers send ends up in logs and in the database: short, and nothing that could forge a line.
_ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,64}")
# Probes come every second and say nothing.
_QUIET = {"/healthz", "/readyz", "/metrics"}
_HINTS = "/webhooks/"

log = structlog.get_logger("payments_app.request")


def register(app: Flask) -> None:
    app.before_request(_begin)
    app.after_request(_finish)


def _begin() -> None:
    given = request.headers.get(HEADER, "")
    g.request_id = given if _ACCEPTED.fullmatch(given) else secrets.token_hex(16)
    g.request_began_s = time.perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _finish(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    took_s = time.perf_counter() - g.request_began_s
    route = request.url_rule.rule if request.url_rule else "unrouted"
    metrics.count_request(request.method, route, response.status_code, took_s)
    if request.path not in _QUIET:
        # The gateway's hints come by the thousand and are kept as rows; a refused one is news.
        routine = request.path.startswith(_HINTS) and response.status_code < 400
        tell = log.debug if routine else log.info
        tell(
            "request_finished",
            method=request.method,
            route=route,
            path=_shown_path(),
            status=response.status_code,
            code=_refused_as(response),
            took_ms=round(took_s * 1000, 1),
            actor=g.get("actor"),
        )
    return response


def _refused_as(response: Response) -> str | None:
    """The problem's code, so that a refusal can be found by its reason."""
    if response.mimetype != "application/problem+json":
        return None
    told = response.get_json(silent=True)
    return str(told.get("code")) if isinstance(told, dict) else None


def _shown_path() -> str:
    """The path, unless it carries a secret: the token of a hosted page opens the invoice."""
    token = (request.view_args or {}).get("token")
    return request.path.replace(str(token), "…") if token else request.path
