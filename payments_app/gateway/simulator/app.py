"""The gateway's edge: route, API key, form decoding; then the engine; then JSON.

What must happen *to the connection* (a drop, a hold) cannot be said by a WSGI response, so it is
left in the environment for ``server.py``, with a note for the log line.
"""

import hmac
import json
from collections.abc import Callable

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from payments_app.gateway.simulator import clock, forms, journal
from payments_app.gateway.simulator.control import control_blueprint
from payments_app.gateway.simulator.engine import Engine
from payments_app.gateway.simulator.errors import bad_key, error, server_error
from payments_app.gateway.simulator.operations import OPERATIONS
from payments_app.gateway.simulator.server import NOTE, WIRE
from payments_app.gateway.simulator.values import Answer, Call, Refusal, new_id

# Any key of this form is good while no key is configured, so a first start needs no settings.
OPEN_KEY_PREFIX = "sk_test_"


def create_app(engine: Engine, *, api_key: str | None) -> Flask:
    app = Flask("gateway_simulator")
    app.register_blueprint(control_blueprint(engine))
    app.register_error_handler(Refusal, lambda refusal: _response(engine, refusal.answer))
    app.register_error_handler(HTTPException, lambda http: _response(engine, _as_answer(http)))
    app.register_error_handler(Exception, lambda cause: _broken(app, engine, cause))
    app.add_url_rule("/healthz", "healthz", lambda: {"status": "ok"})
    for op, operation in OPERATIONS.items():
        view = _view(engine, op, api_key)
        app.add_url_rule(operation.rule, op, view, methods=[operation.method])
    return app


def _view(engine: Engine, op: str, api_key: str | None) -> Callable[..., Response]:
    def view(target: str | None = None) -> Response:
        call = _call(op, target)
        refusal = _refused_key(api_key)
        if refusal is not None:
            with engine.store.transaction() as tx:
                journal.record(tx, call, refusal.answer, fault=None)
            return _response(engine, refusal.answer)
        answer, fault = engine.answer(call)
        request.environ[WIRE] = answer.wire
        request.environ[NOTE] = _note(call, answer, fault)
        return _response(engine, answer)

    return view


def _call(op: str, target: str | None) -> Call:
    posted = request.method == "POST"
    encoded = request.get_data() if posted else request.query_string
    return Call(
        op=op,
        method=request.method,
        path=request.path,
        params=forms.decode(encoded.decode("utf-8", "replace")),
        # As at Stripe, a key means something on POST only.
        key=request.headers.get("Idempotency-Key") if posted else None,
        target=target,
    )


def _refused_key(api_key: str | None) -> Refusal | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic" and request.authorization is not None:
        value = request.authorization.username or ""
    value = value.strip()
    if not value:
        return bad_key("You did not provide an API key. Send it as Authorization: Bearer KEY.")
    good = (
        value.startswith(OPEN_KEY_PREFIX)
        if api_key is None
        else hmac.compare_digest(value.encode(), api_key.encode())
    )
    return None if good else bad_key(f"Invalid API Key provided: {value[:8]}***")


def _response(engine: Engine, answer: Answer) -> Response:
    text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
    response = Response(text, status=answer.status or 200, content_type="application/json")
    response.headers["Date"] = clock.http_date(engine.store.now_s())
    response.headers["Request-Id"] = new_id("req")
    for name, value in answer.headers.items():
        response.headers[name] = value
    return response


def _as_answer(http: HTTPException) -> Answer:
    message = f"Unrecognized request URL or body: {http.description}"
    return Answer(http.code or 500, error("invalid_request_error", message))


def _broken(app: Flask, engine: Engine, cause: Exception) -> Response:
    # A bug in the simulator must look like a gateway's bad day, and be seen in its log.
    app.logger.error("the simulator failed", exc_info=cause)
    return _response(engine, Answer(500, server_error()))


def _note(call: Call, answer: Answer, fault: str | None) -> str:
    parts = [f"key={call.key}" if call.key else "", f"fault={fault}" if fault else ""]
    return " ".join(part for part in [*parts, "replayed" if answer.replayed else ""] if part)
