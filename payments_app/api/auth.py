"""Who asks: ``Authorization: Bearer <key>``, and nothing else.

The browser's cookie is never looked at, so no page elsewhere can make a signed-in person's browser
call the API; that is why the API needs no CSRF token.
"""

from flask import current_app, g, request

from payments_app.api.problems import Problem, Refused
from payments_app.db import Database
from payments_app.services import api_keys

_HOW = "Send Authorization: Bearer <key>; `flask --app payments_app api-key create` makes a key."


def require_key() -> None:
    """Set ``g.actor`` to the key's, or refuse with 401."""
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not bearer.strip():
        raise _unauthorized("api_key_missing", f"No API key was sent. {_HOW}", 'realm="api"')
    database: Database = current_app.extensions["database"]
    # A transaction of its own: the handler's must not hold the key's row while it waits for others.
    with database.sessions.begin() as session:
        key = api_keys.authenticate(session, bearer.strip())
    if key is None:
        challenge = 'realm="api", error="invalid_token"'
        raise _unauthorized(
            "api_key_invalid", f"This API key is unknown or was revoked. {_HOW}", challenge
        )
    g.actor = f"api:{key.id}"


def _unauthorized(code: str, detail: str, challenge: str) -> Refused:
    return Refused(Problem(401, code, detail, headers={"WWW-Authenticate": f"Bearer {challenge}"}))
