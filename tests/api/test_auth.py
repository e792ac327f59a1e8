"""Only the bearer of a key comes in, and the key itself is stored nowhere."""

import pytest
from sqlalchemy import text, update

from payments_app.domain.access import ApiKey
from payments_app.services import api_keys
from tests.api.support import Api, refusal


@pytest.mark.parametrize("path", ["/customers", "/invoices", "/payments", "/refunds/rfd_0"])
def test_without_a_key_nothing_is_shown(app, path):
    answer = Api(app, None).get(path)

    problem = refusal(answer, 401, "api_key_missing")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'
    assert "Authorization: Bearer" in problem["detail"]


@pytest.mark.parametrize("bearer", ["x", "co_" + "0" * 64, "co_\ud800".encode("utf-8", "replace")])
def test_a_key_that_is_none_is_refused(app, bearer):
    answer = Api(app, None).get("/customers", headers={"Authorization": f"Bearer {bearer}"})

    refusal(answer, 401, "api_key_invalid")
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("header", ["Basic dXNlcjpwYXNz", "Bearer", "Bearer ", "Token x"])
def test_another_scheme_is_no_key(app, header):
    answer = Api(app, None).get("/customers", headers={"Authorization": header})

    refusal(answer, 401, "api_key_missing")


def test_a_cookie_is_no_key(app, bearer):
    client = app.test_client()
    for name in ("session", "Authorization", "key"):
        client.set_cookie(name, bearer)

    answer = client.get("/api/v1/customers")

    refusal(answer, 401, "api_key_missing")


def test_a_revoked_key_is_refused_at_once(api: Api, change, sessions):
    with sessions() as session:
        key = session.query(ApiKey).one()
    change(lambda session, now: api_keys.revoke(session, key.id, now=now))

    refusal(api.get("/customers"), 401, "api_key_invalid")


def test_no_row_of_the_database_holds_the_key(api: Api, bearer, sessions):
    api.get("/customers")
    with sessions() as session:
        rows = session.execute(text("SELECT row_to_json(k)::text FROM api_keys k")).scalars().all()

    assert len(rows) == 1
    assert bearer not in rows[0]
    assert bearer.removeprefix("co_")[:16] not in rows[0]


def test_the_last_use_is_noted_once_a_minute_at_most(api: Api, sessions):
    def used():
        with sessions() as session:
            return session.query(ApiKey).one().last_used_at

    assert used() is None
    api.get("/customers")
    first = used()
    api.get("/customers")
    assert used() == first
    with sessions.begin() as session:
        session.execute(
            update(ApiKey).values(last_used_at=ApiKey.last_used_at - api_keys.USED_AT_MOST_EVERY)
        )

    api.get("/customers")

    assert used() >= first


def test_two_keys_are_never_the_same(sessions):
    with sessions.begin() as session:
        clear = [api_keys.create(session, f"key {n}")[1] for n in range(20)]

    assert len(set(clear)) == 20
