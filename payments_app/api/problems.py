"""What every refusal of the API looks like: RFC 9457 problem details with a stable ``code``.

A client decides by ``code`` and shows ``detail``; ``errors`` names each field that is wrong. The
status of every code is in one table here, so that two endpoints cannot disagree about it.
"""

from dataclasses import dataclass, field
from typing import Any

from payments_app.domain.errors import DomainError, Invalid

MEDIA_TYPE = "application/problem+json"

# A refusal by the state of things is 409; by the request itself 422; see RFC 9110, 15.5.
STATUS_OF_CODE = {
    "not_found": 404,
    "invalid_signature": 400,
    "signature_too_early": 400,
    "signature_too_old": 400,
    "version_conflict": 412,
    "refund_exceeds_payment": 422,
    "currency_mismatch": 422,
    "idempotency_key_reused": 422,
}
STATUS_OF_OTHERS = 409

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    428: "Precondition Required",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field by its path, ``lines.0.quantity``, and what would be right."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal as a value."""

    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    def document(self, request_id: str) -> dict[str, Any]:
        return {
            "type": "about:blank",
            "title": TITLES.get(self.status, "Refused"),
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "errors": [{"field": e.field, "message": e.message} for e in self.errors],
            "request_id": request_id,
        }


class Refused(Exception):
    """The edge itself refuses the request, before any service is asked."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def of_domain(error: DomainError) -> Problem:
    """The problem of a refusal by a business rule."""
    field_errors = (FieldError(error.field, str(error)),) if error.field else ()
    headers = {"Retry-After": "1"} if error.code == "request_in_progress" else {}
    usual = 422 if isinstance(error, Invalid) else STATUS_OF_OTHERS
    status = STATUS_OF_CODE.get(error.code, usual)
    return Problem(status, error.code, str(error), field_errors, headers)
