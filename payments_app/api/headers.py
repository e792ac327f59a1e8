"""The request headers that operations understand, read strictly and described for the document."""

import re
from typing import Any

from flask import request

from payments_app.api.problems import Problem, Refused

# Short keys collide (a counter, a date), and a collision answers with somebody else's payment.
_KEY = re.compile(r"[\x21-\x7e]{16,255}")

IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "Your name for this request, 16 to 255 visible ASCII characters, quoted or not; a UUID is "
        "right. The same request with the same key is executed once and answered alike."
    ),
    "schema": {"type": "string", "minLength": 16, "maxLength": 255, "pattern": "^[!-~]{16,255}$"},
}
IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of the version that you change, or * for any.",
    "schema": {"type": "string"},
}
IF_NONE_MATCH: dict[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "An ETag that you have: 304 when it is still the present one.",
    "schema": {"type": "string"},
}


def idempotency_key(*, required: bool) -> str | None:
    """The client's key, without quotes. Refuses a missing one where it is required."""
    given = request.headers.get("Idempotency-Key")
    if given is None:
        if not required:
            return None
        raise Refused(
            Problem(
                400,
                "idempotency_key_missing",
                "Send an Idempotency-Key header: a new UUID for a new request, the same one when "
                "you repeat it. Without it, a repeated request would move money twice.",
            )
        )
    bare = given.strip()
    if len(bare) > 1 and bare.startswith('"') and bare.endswith('"'):
        bare = bare[1:-1]
    if not _KEY.fullmatch(bare):
        raise Refused(
            Problem(
                400,
                "idempotency_key_invalid",
                "An Idempotency-Key has 16 to 255 visible ASCII characters without spaces; a UUID "
                f"is right. This one has {len(bare)}.",
            )
        )
    return bare


def etag(version: int) -> str:
    return f'"v{version}"'


def is_known_version(version: int) -> bool:
    """Whether the client has this version already (If-None-Match)."""
    return request.if_none_match.contains_weak(f"v{version}")


def require_match(version: int, *, required: bool = True) -> int | None:
    """The version that a change may be based on; None for any. Refuses another version's tag."""
    if not request.if_match:
        if not required:
            return None
        raise Refused(
            Problem(
                428,
                "precondition_required",
                "Send If-Match with the ETag that GET answered, so that nobody's change is lost.",
            )
        )
    if request.if_match.star_tag:
        return None
    if not request.if_match.contains(f"v{version}"):
        raise Refused(
            Problem(
                412,
                "version_conflict",
                "This was changed in the meantime. GET it again and repeat your change on that.",
            )
        )
    return version
