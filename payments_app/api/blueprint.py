"""An operation of the API: one decorator that says all about it, and handlers that only call.

``operation`` names method, address, what is read and what is shown; from that come the checks in
their order (key, size, media type, fields, ids), the transaction, idempotency, and the entry in
the OpenAPI document. A handler gets an ``Ask`` and gives a ``Reply``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeVar

import flask_smorest
import marshmallow as ma
from flask import Response

from payments_app.api import auth, errors, ids, parsing
from payments_app.api.execution import KeyPolicy, Shape, execute
from payments_app.api.headers import IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Tags:
    """Which ETag headers an operation understands."""

    if_match: bool = False
    if_none_match: bool = False


class ApiBlueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # the library has no types
    """A group of operations under ``/api/v1``, for bearers of a key only."""

    ARGUMENTS_PARSER = parsing.StrictParser()

    def __init__(self, name: str, *, description: str) -> None:
        super().__init__(f"api_{name}", __name__, url_prefix="/api/v1", description=description)
        self.before_request(auth.require_key)
        self.before_request(parsing.require_json)
        errors.handle_on(self)

    def operation(
        self,
        method: str,
        address: str,
        *,
        shows: type[ma.Schema] | None,
        status: int = 200,
        body: type[ma.Schema] | None = None,
        query: type[ma.Schema] | None = None,
        key: KeyPolicy = KeyPolicy.NONE,
        tags: Tags = Tags(),
        refuses: Sequence[int] = (),
    ) -> Callable[[View], View]:
        """Register a handler ``(ask, **ids) -> Reply`` for one method and address."""
        shape = Shape(status=status, schema=shows() if shows else None, key=key)

        def register(view: View) -> View:
            def call(parsed: dict[str, Any] | None = None, /, **found: str) -> Response:
                if method == "POST" and body is None:
                    parsing.refuse_fields()
                ids.check(found)
                return execute(view, shape, parsed or {}, found)

            call.__name__, call.__doc__ = view.__name__, view.__doc__
            made: Any = call
            if body is not None:
                made = self.arguments(body, location="json")(made)
            if query is not None:
                made = self.arguments(query, location="query")(made)
            made = self.response(status, shows)(made)
            for code in (401, *refuses):
                made = self.alt_response(code, response=HTTPStatus(code).name)(made)
            made = self.doc(**_described(view.__name__, key, tags))(made)
            self.add_url_rule(address, view.__name__, made, methods=[method])
            return view

        return register


def _described(name: str, key: KeyPolicy, tags: Tags) -> dict[str, Any]:
    headers = []
    if key is not KeyPolicy.NONE:
        headers.append({**IDEMPOTENCY_KEY, "required": key is KeyPolicy.REQUIRED})
    if tags.if_match:
        headers.append(IF_MATCH)
    if tags.if_none_match:
        headers.append(IF_NONE_MATCH)
    said: dict[str, Any] = {"operationId": name}
    return {**said, "parameters": headers} if headers else said
