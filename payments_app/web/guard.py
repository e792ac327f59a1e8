"""The door of every page: find out who asks, look up the route's rule, refuse or let through.

Money and job forms also pass the CSRF check here. The JSON API is left alone: it takes bearer keys
only, never the browser's cookie, so no foreign page can use it in somebody's name.
"""

from flask import Flask, current_app, flash, g, redirect, request, session, url_for
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import Forbidden, Unauthorized
from werkzeug.wrappers import Response

from payments_app import clock
from payments_app.services import access
from payments_app.web.permissions import Permission, allows, roles_with, rule_of
from payments_app.web.transactions import Person, person, reading

TOKEN = "session_token"  # noqa: S105 - the name of the entry in the signed cookie, no secret
# Guarded by their own means, or open to probes. Everything else needs a rule.
OTHER_DOORS = ("/api/", "/healthz", "/readyz", "/metrics", "/webhooks/")

csrf = CSRFProtect()


class RoleForbidden(Forbidden):
    """The person is known, and may not do this."""

    def __init__(self, permission: Permission | None) -> None:
        role = found.role if (found := person()) else "nobody"
        needs = " or ".join(roles_with(permission)) if permission else "a rule of access"
        super().__init__(f"Your role is {role}. To {permission or 'see this'}, it must be {needs}.")


def register(app: Flask) -> None:
    app.config.update(
        # Checked below, for the pages only.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=8 * 3600,  # a working day; an older form is shown again, filled in
        # The hosted page sends no referrer, so a referrer cannot be asked for.
        WTF_CSRF_SSL_STRICT=False,
    )
    csrf.init_app(app)
    app.before_request(check)


def check() -> Response | None:
    """Refuse with 401 (or the sign-in page), 403 or a CSRF error; None lets it through."""
    if request.endpoint == "static" or request.path.startswith(OTHER_DOORS):
        return None
    g.person = _recognise()
    if g.person is not None:
        g.actor = f"user:{g.person.id}"
    if request.endpoint is None:
        return None  # No such page, or no such method on it: the error pages say which.
    rule = rule_of(current_app.view_functions[request.endpoint])
    if rule is None:
        raise RoleForbidden(None)
    if not allows(g.person.role if g.person else None, rule):
        if g.person is None:
            return _ask_to_sign_in()
        raise RoleForbidden(rule)
    csrf.protect()
    return None


def _recognise() -> Person | None:
    token = session.get(TOKEN)
    if token is None:
        return None
    with reading() as database_session:
        user = access.user_of(database_session, token, now=clock.now(database_session))
        if user is None:
            session.pop(TOKEN, None)
            return None
        return Person(user.id, user.name, user.email, user.role)


def _ask_to_sign_in() -> Response:
    if request.method != "GET" or "HX-Request" in request.headers:
        raise Unauthorized("Your session has ended. Sign in and try again: nothing was changed.")
    flash("Sign in to see this page.", "info")
    return redirect(url_for("account.login", next=request.full_path.rstrip("?")), 303)
