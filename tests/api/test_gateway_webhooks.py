"""Webhooks of the gateway: kept once if signed, refused otherwise, answered at once."""

import hashlib
import hmac
import json

import pytest
from sqlalchemy import text

from payments_app.domain.inbound_event import InboundEvent
from tests.api.support import refusal

EVENT = {
    "id": "evt_1",
    "type": "payment_intent.succeeded",
    "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
}


@pytest.fixture
def deliver(app, sessions):
    config = app.extensions["config"]

    def send(
        event=EVENT, *, secret=config.gateway_webhook_secrets[0], age_s=0, tamper=b"", **headers
    ):
        with sessions() as session:
            now_s = int(session.scalar(text("SELECT extract(epoch FROM now())"))) - age_s
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        digest = hmac.new(secret.encode(), b"%d." % now_s + body, hashlib.sha256).hexdigest()
        signed = {"Stripe-Signature": f"t={now_s},v1={digest}", **headers}
        return app.test_client().post("/webhooks/gateway", data=body + tamper, headers=signed)

    return send


def kept(sessions):
    with sessions() as session:
        jobs = session.scalar(
            text("SELECT count(*) FROM queue.jobs WHERE kind = 'handle_gateway_event'")
        )
        return session.query(InboundEvent.event_id, InboundEvent.times_received).all(), jobs


def test_a_signed_event_is_kept_with_its_job(deliver, sessions):
    answer = deliver()

    assert (answer.status_code, answer.json) == (200, {"received": True, "new": True})
    assert kept(sessions) == ([("evt_1", 1)], 1)


def test_an_event_that_comes_twice_is_counted_and_changes_nothing(deliver, sessions):
    deliver()

    assert deliver().json == {"received": True, "new": False}
    assert kept(sessions) == ([("evt_1", 2)], 1)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"secret": "whsec_of_somebody_else"}, "invalid_signature"),
        ({"age_s": 301}, "signature_too_old"),
        ({"age_s": -302}, "signature_too_early"),
        # Whose time it is, nobody knows: only a right signature says more.
        ({"secret": "whsec_of_somebody_else", "age_s": 301}, "invalid_signature"),
        ({"tamper": b" "}, "invalid_signature"),
        ({"Stripe-Signature": ""}, "invalid_signature"),
        ({"Stripe-Signature": "t=1,v1=x"}, "invalid_signature"),
    ],
)
def test_what_the_gateway_did_not_sign_now_is_refused_and_not_kept(deliver, sessions, wrong, code):
    refusal(deliver(**wrong), 400, code)

    assert kept(sessions) == ([], 0)


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b"[]", 422, "invalid"),
        ({"type": "x"}, 422, "invalid"),
        ({"id": 5, "type": "x"}, 422, "invalid"),
        ({"id": "evt_1"}, 422, "invalid"),
        # JSON that PostgreSQL cannot keep: an error of ours would be answered by days of retries.
        ({"id": "evt_1", "type": "x", "more": "\x00"}, 422, "invalid"),
        ({"id": "evt_\x00", "type": "x"}, 422, "invalid"),
        ({"id": "evt_1", "type": "x", "more": "\ud800"}, 422, "invalid"),
        (b'{"id": "evt_1", "type": "x", "more": 1e999}', 422, "invalid"),
    ],
)
def test_a_signed_thing_that_is_no_event_is_refused(deliver, sessions, event, status, code):
    refusal(deliver(event), status, code)

    assert kept(sessions) == ([], 0)


def test_what_an_event_lacks_is_named(deliver):
    assert "An event has an id: text" in deliver({"type": "x"}).json["detail"]
    assert "An event has a type: text" in deliver({"id": "evt_1"}).json["detail"]


def test_a_backslash_before_u0000_is_text_like_any_other(deliver, sessions):
    deliver({"id": "evt_1", "type": "x", "more": "\\u0000"})

    assert kept(sessions) == ([("evt_1", 1)], 1)


def test_both_secrets_hold_while_one_replaces_the_other(app_database_url):
    from tests.api import worlds

    both = "whsec_old,whsec_new"
    with worlds.app_on(app_database_url, GATEWAY_WEBHOOK_SECRET=both) as app:
        for n, secret in enumerate(both.split(",")):
            body = json.dumps({**EVENT, "id": f"evt_{n}"}).encode()
            with app.extensions["database"].sessions() as session:
                now_s = int(session.scalar(text("SELECT extract(epoch FROM now())")))
            digest = hmac.new(secret.encode(), b"%d." % now_s + body, hashlib.sha256).hexdigest()
            answer = app.test_client().post(
                "/webhooks/gateway",
                data=body,
                headers={"Stripe-Signature": f"t={now_s},v1={digest}"},
            )
            assert answer.status_code == 200


def test_a_body_over_256_kb_is_refused(deliver):
    refusal(deliver(b" " * 262_145), 413, "body_too_large")


def test_another_method_is_a_problem_too(app):
    refusal(app.test_client().get("/webhooks/gateway"), 405, "method_not_allowed")
