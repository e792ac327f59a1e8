"""Reading a request strictly: what JSON would bend or two readers could understand differently is
refused, with the field's name and what would be right.

Refused are duplicate names, NaN, nesting without end, unknown fields, and text that PostgreSQL
cannot store. A number that is too long to read is an answer of ours, never an exception of Python.
"""

# ruff: noqa: ANN401, ARG002 - webargs decides the signatures of its parser

import json
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import marshmallow as ma
from flask import Request, request
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import RequestEntityTooLarge

from payments_app.api.problems import FieldError, Problem, Refused

BODY_BYTES_MAX = 256 * 1024
DISCARDED_BYTES_MAX = 16 * 1024 * 1024
DISCARDED_AT_ONCE = 64 * 1024
# How much of a wrong name or value is repeated in a message.
SHOWN_LENGTH_MAX = 60


def require_json() -> None:
    """Refuse a body that does not say it is JSON."""
    has_body = bool(request.content_length) or "chunked" in request.headers.get(
        "Transfer-Encoding", ""
    )
    if has_body and not request.is_json:
        sent = request.mimetype[:SHOWN_LENGTH_MAX] or "nothing"
        raise Refused(
            Problem(
                415,
                "unsupported_media_type",
                f"The body says {sent}. Send JSON with Content-Type: application/json.",
                headers={"Accept-Post": "application/json", "Accept-Patch": "application/json"},
            )
        )


def raw_body() -> bytes:
    """The bytes of the body, 256 kB at most. Raises RequestEntityTooLarge."""
    # One byte more is let in: of a chunked body, whose length nobody says, the library silently
    # hands out as much as is allowed, and half of a request must not be taken for all of it.
    request.max_content_length = BODY_BYTES_MAX + 1
    raw = request.get_data(cache=True)
    if len(raw) > BODY_BYTES_MAX:
        raise RequestEntityTooLarge
    return raw


def discard_rest() -> None:
    """Read past a body that was too large, so that the next request on its connection is read.

    Bounded: of a client that sends without end, the connection is dropped instead.
    """
    if not request.environ.get("wsgi.input_terminated"):
        return  # A server that does not say where the body ends would wait for more.
    stream = request.environ["wsgi.input"]
    for _ in range(DISCARDED_BYTES_MAX // DISCARDED_AT_ONCE):
        if not stream.read(DISCARDED_AT_ONCE):
            return


def json_body() -> Any:
    """The body as JSON values; an empty body is an empty object."""
    raw = raw_body()
    if not raw.strip():
        return {}
    try:
        return json.loads(
            raw.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant
        )
    except UnicodeDecodeError:
        raise _malformed("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise _malformed(f"{error.msg}, line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise _malformed("it is nested too deeply") from None
    except ValueError as error:
        # Our own refusals, and Python's limit on the digits of an integer.
        raise _malformed(str(error).partition(";")[0].partition(":")[0]) from None


def refuse_fields() -> None:
    """For requests whose address says it all: a body is empty, or an empty object."""
    body = json_body()
    if not isinstance(body, dict):
        raise _no_object()
    if body:
        message = "Unknown field. This request takes none."
        raise _invalid(tuple(FieldError(name[:SHOWN_LENGTH_MAX], message) for name in body))


class StrictParser(FlaskParser):
    """webargs with our reading of JSON and our form of refusal."""

    DEFAULT_UNKNOWN_BY_LOCATION = {"json": ma.RAISE, "query": ma.RAISE}  # noqa: RUF012

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        body = json_body()
        if not isinstance(body, dict):
            raise _no_object()
        return body

    def handle_error(
        self,
        error: ma.ValidationError,
        req: Request,
        schema: ma.Schema,
        *,
        error_status_code: int | None,
        error_headers: Mapping[str, str] | None,
    ) -> NoReturn:
        # webargs puts the location ("json", "query") around the messages.
        found: dict[Any, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
        inner = next(iter(found.values())) if len(found) == 1 else found
        raise _invalid(tuple(_flat(inner)))


def _invalid(errors: tuple[FieldError, ...]) -> Refused:
    named = "; ".join(f"{e.field}: {e.message}" if e.field else e.message for e in errors[:5])
    return Refused(Problem(422, "invalid", named, errors))


def _no_object() -> Refused:
    return _invalid((FieldError("", "The body must be one JSON object: {…}."),))


def _malformed(why: str) -> Refused:
    return Refused(Problem(400, "malformed_json", f"The body cannot be read as JSON: {why}."))


def _flat(messages: Any, path: str = "") -> Iterator[FieldError]:
    """{"lines": {0: {"quantity": ["…"]}}} → lines.0.quantity."""
    if isinstance(messages, Mapping):
        for name, below in messages.items():
            part = "" if name == "_schema" else str(name)[:SHOWN_LENGTH_MAX]
            yield from _flat(below, f"{path}.{part}".strip("."))
    elif isinstance(messages, list):
        yield from (FieldError(path, str(message)) for message in messages)
    else:
        yield FieldError(path, str(messages))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:SHOWN_LENGTH_MAX]!r} is there twice")
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
