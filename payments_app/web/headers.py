"""Headers of every answer: a strict content policy, no framing, no caching of private pages.

No script and no style stands inside a page, so an injected one is never run. Private pages are not
stored, so the Back button of a shared computer shows nothing after signing out.
"""

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask, request, url_for
from flask.sessions import SecureCookieSessionInterface
from flask.wrappers import Response

CONTENT_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
YEAR_S = 365 * 24 * 3600


class PageSession(SecureCookieSessionInterface):
    """The signed cookie travels over https only, unless the page itself came over http."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002 - the framework passes it
        return request.is_secure


def register(app: Flask) -> None:
    app.session_interface = PageSession()
    app.config.update(SESSION_COOKIE_HTTPONLY=True, SESSION_COOKIE_SAMESITE="Lax")
    app.after_request(add_headers)
    app.jinja_env.globals["asset"] = asset


def add_headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    # The API's description page may bring its own.
    headers.setdefault("Content-Security-Policy", CONTENT_POLICY)
    if request.endpoint == "static":
        # The address carries the file's hash, so it never changes its mind.
        if "v" in request.args:
            headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable"
    else:
        headers.setdefault("Cache-Control", "no-store")
    return response


def asset(name: str) -> str:
    """The address of a file under static/, with its hash: a new version is fetched at once."""
    return url_for("static", filename=name, v=_digest(name))


@lru_cache(maxsize=64)
def _digest(name: str) -> str:
    path = Path(__file__).parent / "static" / name
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]
