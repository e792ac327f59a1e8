"""What would move money wrongly: a defined answer, one log line with the ids, and nothing moved."""

import hashlib
import hmac
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from tests.api.support import Api, new_key, refusal

_MOVED = text(
    "SELECT (SELECT count(*) FROM ledger_postings WHERE kind NOT IN ('finalize', 'capture')),"
    " (SELECT count(*) FROM refunds), (SELECT count(*) FROM gateway_requests),"
    " (SELECT sum(refund_reserved_minor + refunded_minor) FROM payments),"
    " (SELECT count(*) FROM inbound_events)"
)
EVENT = {"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": {"id": "pi_1"}}}
MEGABYTE = b" " * 1_000_000


@pytest.fixture
def moved(sessions) -> Callable[[], tuple[object, ...]]:
    def look() -> tuple[object, ...]:
        with sessions() as session:
            return tuple(session.execute(_MOVED).one())

    return look


def line_of(logged: list, response: TestResponse, subject: str) -> None:
    """One line for the request: its own id, whom it was about, and why it was refused."""
    [line] = [each for each in logged if each["event"] == "request_finished"]
    assert subject in line["path"]
    assert line["status"] == response.status_code
    assert line["code"] == response.json["code"]
    assert response.headers["X-Request-Id"] == response.json["request_id"]


@pytest.mark.parametrize(
    ("ask", "status", "code"),
    [
        (lambda api, done: api.refund(done, 11_901), 422, "refund_exceeds_payment"),
        (lambda api, done: api.refund(done, 0), 422, "invalid"),
        (lambda api, done: api.refund(done, -1), 422, "invalid"),
        (
            lambda api, done: api.post(f"/payments/{done['id']}/cancel", key=new_key()),
            409,
            "payment_not_cancellable",
        ),
    ],
    ids=["refund above the rest", "refund of zero", "refund below zero", "cancel of a completed"],
)
def test_a_completed_payment_moves_no_money_wrongly(api: Api, completed, moved, ask, status, code):
    before = moved()

    with capture_logs() as logged:
        answer = ask(api, completed)

    refusal(answer, status, code)
    line_of(logged, answer, completed["id"])
    assert moved() == before


def test_a_payment_that_is_not_completed_gives_nothing_back(api: Api, payment, moved):
    before = moved()

    with capture_logs() as logged:
        answer = api.refund(payment, 1_000)

    refusal(answer, 409, "payment_not_refundable")
    line_of(logged, answer, payment["id"])
    assert moved() == before


def test_of_eight_refunds_at_once_one_is_reserved_and_seven_are_told_why(api: Api, completed):
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: api.refund(completed, 11_900), range(8)))

    codes = sorted(answer.json.get("code", "accepted") for answer in answers)
    assert codes == ["accepted", *["refund_in_progress"] * 7]
    assert api.get(f"/payments/{completed['id']}").json["refundable_minor"] == 0


@pytest.mark.parametrize(
    ("body", "secret", "age_s", "status", "code"),
    [
        (EVENT, "whsec_of_somebody_else", 0, 400, "invalid_signature"),
        (EVENT, None, 301, 400, "signature_too_old"),
        (b"no json", None, 0, 400, "malformed_json"),
        (MEGABYTE, None, 0, 413, "body_too_large"),
    ],
    ids=["wrong signature", "old timestamp", "no JSON", "1 MB"],
)
def test_a_webhook_that_cannot_be_believed_is_refused_and_kept_nowhere(
    app, sessions, moved, body, secret, age_s, status, code
):
    before = moved()
    secret = secret or app.extensions["config"].gateway_webhook_secrets[0]
    with sessions() as session:
        at_s = int(session.scalar(text("SELECT extract(epoch FROM now())"))) - age_s
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    digest = hmac.new(secret.encode(), b"%d." % at_s + raw, hashlib.sha256).hexdigest()

    with capture_logs() as logged:
        answer = app.test_client().post(
            "/webhooks/gateway", data=raw, headers={"Stripe-Signature": f"t={at_s},v1={digest}"}
        )

    refusal(answer, status, code)
    line_of(logged, answer, "/webhooks/gateway")
    assert moved() == before
