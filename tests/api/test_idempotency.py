"""The same request sent twice is executed once and answered alike (I9)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, text, update

from payments_app.domain.idempotency import KEEP_FOR, IdempotencyRecord
from payments_app.domain.payment import Payment
from payments_app.domain.refund import Refund
from payments_app.services import idempotency
from tests.api.support import CARD, Api, new_key, refusal

AT_ONCE = 50


def count(sessions, entity) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(entity))


def test_a_payment_without_a_key_is_told_what_to_send(api: Api, invoice, sessions):
    bare = api.post(f"/invoices/{invoice['id']}/payments", {"payment_method": CARD})

    problem = refusal(bare, 400, "idempotency_key_missing")
    assert "Idempotency-Key" in problem["detail"]
    assert "UUID" in problem["detail"]
    assert count(sessions, Payment) == 0


def test_a_refund_without_a_key_is_told_what_to_send(api: Api, completed, sessions):
    body = {"amount_minor": 100, "reason": "returned"}

    refusal(api.post(f"/payments/{completed['id']}/refunds", body), 400, "idempotency_key_missing")
    assert count(sessions, Refund) == 0


@pytest.mark.parametrize(
    "key", ["short", "x" * 15, "x" * 256, "with a space in it", "ünicode-key-12345"]
)
def test_a_key_of_the_wrong_form_is_refused_with_the_right_one(api: Api, invoice, key):
    problem = refusal(api.pay(invoice, key=key), 400, "idempotency_key_invalid")

    assert "16 to 255" in problem["detail"]


@pytest.mark.parametrize("key", ["x" * 16, "x" * 255, "!#$%&()*+-./:;<=>?@[]^_`{|}~"])
def test_every_key_of_the_right_form_is_taken(api: Api, invoice, key):
    assert api.pay(invoice, key=key).status_code == 202


def test_the_quoted_and_the_bare_form_are_one_key(api: Api, invoice):
    key = new_key()

    first, again = api.pay(invoice, key=f'"{key}"'), api.pay(invoice, key=key)

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.data == first.data


def test_a_replay_has_the_same_status_body_and_location(api: Api, invoice, sessions):
    key = new_key()

    first, again = api.pay(invoice, key=key), api.pay(invoice, key=key)

    assert (again.status_code, again.data) == (first.status_code, first.data)
    assert again.headers["Location"] == first.headers["Location"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert count(sessions, Payment) == 1


def test_a_replay_answers_what_was_answered_then_not_what_is_now(api: Api, invoice):
    key = new_key()
    first = api.pay(invoice, key=key)
    api.post(f"/payments/{first.json['id']}/cancel")

    assert api.pay(invoice, key=key).json == first.json


def test_order_and_spacing_of_the_body_do_not_count(api: Api, invoice):
    key = new_key()
    path = f"/invoices/{invoice['id']}/payments"
    one = '{"payment_method":"pm_card_visa","amount_minor":100}'
    other = '{ "amount_minor" : 100,\n "payment_method": "pm_card_visa" }'

    def send(body):
        return api.send("POST", path, key=key, data=body, content_type="application/json")

    first, again = send(one), send(other)

    assert first.status_code == 202
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_key_used_for_another_body_is_refused(api: Api, invoice, sessions):
    key = new_key()
    api.pay(invoice, key=key, amount_minor=100)

    refusal(api.pay(invoice, key=key, amount_minor=101), 422, "idempotency_key_reused")
    assert count(sessions, Payment) == 1


def test_a_key_used_at_another_address_is_refused(api: Api, payment, invoice):
    key = new_key()
    api.post(f"/payments/{payment['id']}/cancel", key=key)

    problem = refusal(
        api.post(f"/invoices/{invoice['id']}/finalize", key=key), 422, "idempotency_key_reused"
    )
    assert f"/payments/{payment['id']}/cancel" in problem["detail"]


def test_fifty_identical_requests_at_once_make_one_payment(api: Api, invoice, sessions):
    key = new_key()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: api.pay(invoice, key=key), range(AT_ONCE)))

    assert {answer.status_code for answer in answers} <= {202, 409}
    for answer in answers:
        if answer.status_code == 409:
            refusal(answer, 409, "request_in_progress")
            assert int(answer.headers["Retry-After"]) >= 1
    bodies = {answer.data for answer in answers if answer.status_code == 202}
    assert len(bodies) == 1
    executed = [
        a for a in answers if a.status_code == 202 and "Idempotent-Replayed" not in a.headers
    ]
    assert len(executed) == 1
    assert api.pay(invoice, key=key).data in bodies
    assert count(sessions, Payment) == 1


def test_fifty_different_keys_at_once_make_one_payment_too(api: Api, invoice, sessions):
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: api.pay(invoice), range(AT_ONCE)))

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(202) == 1
    assert set(statuses) <= {202, 409}
    assert count(sessions, Payment) == 1


def test_while_the_first_is_running_its_twin_is_told_to_come_back(api: Api, invoice, sessions):
    key = new_key()
    with sessions.begin() as running:
        asked = idempotency.request(key, method="POST", path="/x", body={})
        assert idempotency.reserve(running, asked, _now(running)) is None

        twin = api.pay(invoice, key=key)

    refusal(twin, 409, "request_in_progress")
    assert twin.headers["Retry-After"] == "1"
    assert api.pay(invoice, key=key).status_code == 202


def test_a_refusal_is_kept_and_nothing_of_its_request(api: Api, draft, sessions, change):
    key = new_key()
    first = api.pay(draft, key=key)
    change(lambda session, now: _open(session, draft["id"], now))

    again = api.pay(draft, key=key)

    refusal(first, 409, "invoice_not_open")
    assert again.data == first.data
    assert again.content_type == "application/problem+json"
    assert again.headers["Idempotent-Replayed"] == "true"
    assert count(sessions, Payment) == 0
    assert api.pay(draft).status_code == 202


def test_what_a_refused_request_had_written_is_rolled_back(api: Api, app, sessions, customer):
    """A trigger refuses late, after rows were written: neither they nor a 2xx may stay."""
    with sessions.begin() as session:
        session.execute(text(LATE_REFUSAL))
    key = new_key()
    body = {"name": "Late", "email": "late@example.com"}

    answer = api.post("/customers", body, key=key)

    refusal(answer, 500, "internal_error")
    with sessions.begin() as session:
        session.execute(text("DROP TRIGGER late ON customers"))
    assert [row["name"] for row in api.get("/customers").json["data"]] == ["Ada Lovelace"]


LATE_REFUSAL = """
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'late' USING ERRCODE = 'check_violation'; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON customers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()
"""


def test_a_failure_of_ours_gives_the_key_back(api: Api, sessions):
    with sessions.begin() as session:
        session.execute(text(LATE_REFUSAL))
    key = new_key()
    body = {"name": "Late", "email": "late@example.com"}
    refusal(api.post("/customers", body, key=key), 500, "internal_error")
    assert count(sessions, IdempotencyRecord) == 0
    with sessions.begin() as session:
        session.execute(text("DROP TRIGGER late ON customers"))

    again = api.post("/customers", body, key=key)

    assert again.status_code == 201
    assert "Idempotent-Replayed" not in again.headers


def test_a_body_that_cannot_be_read_uses_no_key(api: Api, invoice):
    key = new_key()
    refusal(api.pay(invoice, key=key, amount_minor="100"), 422, "invalid")

    assert api.pay(invoice, key=key).status_code == 202


def test_a_key_is_honoured_where_none_is_required(api: Api, sessions):
    key = new_key()
    body = {"name": "Ada", "email": "ada@example.com"}

    first, again = api.post("/customers", body, key=key), api.post("/customers", body, key=key)

    assert again.data == first.data
    assert again.headers["ETag"] == first.headers["ETag"]
    assert len(api.get("/customers").json["data"]) == 1


def test_an_expired_key_is_a_new_key(api: Api, customer, sessions):
    key = new_key()
    body = {"name": "Ada", "email": "ada@example.com"}
    first = api.post("/customers", body, key=key)
    with sessions.begin() as session:
        session.execute(
            update(IdempotencyRecord).values(expires_at=IdempotencyRecord.expires_at - KEEP_FOR)
        )

    again = api.post("/customers", body, key=key)

    assert again.status_code == 201
    assert again.json["id"] != first.json["id"]


def test_only_expired_records_are_pruned(api: Api, sessions):
    for name in ("kept", "expired"):
        api.post("/customers", {"name": name, "email": "a@example.com"}, key=f"{name}-0123456789ab")
    with sessions.begin() as session:
        session.execute(
            update(IdempotencyRecord)
            .where(IdempotencyRecord.key.startswith("expired"))
            .values(expires_at=IdempotencyRecord.expires_at - KEEP_FOR)
        )

    with sessions.begin() as session:
        assert idempotency.prune(session, _now(session)) == 1

    with sessions() as session:
        assert session.scalars(select(IdempotencyRecord.key)).all() == ["kept-0123456789ab"]


def _now(session):
    from payments_app import clock

    return clock.now(session)


def _open(session, invoice_id, now):
    from payments_app.services import invoices

    invoices.request_finalize(session, invoice_id, now=now)
    invoices.finalize(session, invoice_id, now=now)
