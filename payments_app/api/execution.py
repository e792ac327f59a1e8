"""One request from its parsed values to its answer: transaction, idempotency, handler, JSON.

With a key, the order is: reserve (a known key answers here), the handler in a SAVEPOINT, the
stored answer, commit. A refusal rolls back to the savepoint, so nothing of the handler is left when
its 4xx is stored. Anything unexpected rolls the key back too: the client may send it again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from typing import Any

import marshmallow as ma
from flask import Response, g, json, request
from sqlalchemy.orm import Session

from payments_app.api import headers, metrics, parsing
from payments_app.api.problems import MEDIA_TYPE, Problem, Refused, of_domain
from payments_app.api.transaction import transaction
from payments_app.domain.errors import DomainError
from payments_app.services import idempotency
from payments_app.services.idempotency import Answer


class KeyPolicy(Enum):
    """Whether an operation takes an Idempotency-Key."""

    NONE = auto()
    OPTIONAL = auto()
    REQUIRED = auto()


@dataclass(frozen=True, slots=True)
class Shape:
    """What an operation answers, and how it treats keys."""

    status: int
    schema: ma.Schema | None
    key: KeyPolicy


@dataclass(frozen=True, slots=True)
class Ask:
    """What a handler works with. ``values`` are the parsed body, or the parsed query."""

    session: Session
    now: datetime
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers: a row or a value, shown through the operation's schema."""

    value: object = None
    location: str | None = None
    version: int | None = None


View = Callable[..., Reply]


def execute(view: View, shape: Shape, values: dict[str, Any], ids: dict[str, str]) -> Response:
    """Run one operation in one transaction, and make its response after the commit."""
    asked = _asked(shape.key)
    with transaction() as (session, now):
        ask = Ask(session, now, values)
        if asked is None:
            answer, is_replay = _run(view, shape, ask, ids), False
        else:
            stored = idempotency.reserve(session, asked, now)
            answer, is_replay = stored or _first(view, shape, ask, ids, asked), stored is not None
    if is_replay:
        metrics.REPLAYS.inc()
    return _response(answer, is_replay=is_replay)


def _asked(policy: KeyPolicy) -> idempotency.Request | None:
    if policy is KeyPolicy.NONE:
        return None
    key = headers.idempotency_key(required=policy is KeyPolicy.REQUIRED)
    if key is None:
        return None
    body = parsing.json_body()
    return idempotency.request(key, method=request.method, path=request.path, body=body)


def _first(
    view: View, shape: Shape, ask: Ask, ids: dict[str, str], asked: idempotency.Request
) -> Answer:
    try:
        with ask.session.begin_nested():
            answer = _run(view, shape, ask, ids)
    except DomainError as refusal:
        answer = _refusal(of_domain(refusal))
    except Refused as refusal:
        answer = _refusal(refusal.problem)
    idempotency.finish(ask.session, asked, answer, ask.now)
    return answer


def _run(view: View, shape: Shape, ask: Ask, ids: dict[str, str]) -> Answer:
    reply = view(ask, **ids)
    ask.session.flush()
    said: dict[str, str] = {}
    if reply.location is not None:
        said["Location"] = reply.location
    if reply.version is not None:
        said["ETag"] = headers.etag(reply.version)
        if request.method == "GET" and headers.is_known_version(reply.version):
            return Answer(304, {}, said)
    body = shape.schema.dump(reply.value) if shape.schema else {}
    return Answer(shape.status, body, said)


def _refusal(problem: Problem) -> Answer:
    return Answer(problem.status, problem.document(g.request_id), problem.headers)


def _response(answer: Answer, *, is_replay: bool) -> Response:
    # Sorted, so that an answer out of the database has the same bytes as the first one.
    empty = answer.status in {204, 304}
    body = "" if empty else json.dumps(answer.body, sort_keys=True)
    kind = MEDIA_TYPE if answer.status >= 400 else "application/json"
    response = Response(body, answer.status, answer.headers, content_type=None if empty else kind)
    if is_replay:
        response.headers["Idempotent-Replayed"] = "true"
    return response
