"""Whatever goes wrong is answered as problem details, with an id, and never with a traceback."""

import pytest
from flask import Flask
from sqlalchemy import text

from payments_app.api.problems import STATUS_OF_CODE, TITLES
from tests.api.support import Api, refusal

REQUEST_ID = "X-Request-Id"


def test_an_address_that_is_none_is_not_found(api: Api):
    assert "openapi.json" in refusal(api.get("/nothing"), 404, "not_found")["detail"]
    refusal(Api(api.app, None).get("/nothing"), 404, "not_found")


def test_a_method_that_is_not_allowed_says_which_are(api: Api):
    answer = api.send("PUT", "/customers")

    refusal(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].replace(" ", "").split(","))


def test_the_id_of_the_request_comes_back_and_is_in_the_problem(api: Api):
    answer = api.get("/nothing", headers={REQUEST_ID: "order-77"})

    assert answer.headers[REQUEST_ID] == "order-77"
    assert answer.json["request_id"] == "order-77"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "ünicode", "a;b", "<script>"])
def test_an_id_that_could_forge_a_log_line_is_replaced(api: Api, given):
    answer = api.get("/nothing", headers={REQUEST_ID: given})

    assert len(answer.headers[REQUEST_ID]) == 32


def test_a_database_that_is_away_is_unavailable_and_asks_to_come_back(
    api: Api, admin_url, sessions
):
    with sessions() as session:
        name = session.scalar(text("SELECT current_database()"))
    rename(admin_url, name, f"{name}_away")
    try:
        answer = api.get("/customers")
    finally:
        rename(admin_url, f"{name}_away", name)

    problem = refusal(answer, 503, "database_unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert "Nothing was written" in problem["detail"]
    assert api.get("/customers").status_code == 200


def rename(admin_url: str, old: str, new: str) -> None:
    """Nobody finds the database under its name, and those inside are thrown out."""
    from psycopg import sql

    from tests.support.databases import execute

    execute(
        admin_url,
        sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}").format(
            sql.Literal(old)
        ),
    )
    execute(
        admin_url,
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new)),
    )


def test_a_row_that_stays_locked_is_busy_and_not_waited_for_without_end(api, customer, sessions):
    api.app.config["API_LOCK_TIMEOUT_MS"] = 50
    path = f"/customers/{customer['id']}/archive"
    with sessions.begin() as holder:
        holder.execute(
            text("SELECT 1 FROM customers WHERE id = :id FOR UPDATE"), {"id": customer["id"]}
        )
        answer = api.post(path)

    refusal(answer, 503, "busy")
    assert answer.headers["Retry-After"]
    assert api.post(path).status_code == 200


def test_an_unexpected_failure_tells_its_id_and_nothing_of_its_inside(api: Api, sessions):
    with sessions.begin() as session:
        session.execute(text("ALTER TABLE customers RENAME COLUMN notes TO remarks"))

    answer = api.get("/customers")

    problem = refusal(answer, 500, "internal_error")
    assert problem["request_id"] == answer.headers[REQUEST_ID]
    for inside in ("Traceback", "customers.notes", "psycopg", "SELECT"):
        assert inside not in answer.text


def test_every_status_that_we_answer_has_a_title():
    assert set(STATUS_OF_CODE.values()) <= set(TITLES)


def test_an_applications_own_pages_do_not_answer_for_the_api(api: Api, app: Flask):
    """Negative control of the order of error handlers: a page for 404 must not win here."""
    fresh = Flask("pages")
    fresh.extensions.update(app.extensions)
    fresh.register_error_handler(404, lambda _: ("<h1>page</h1>", 404))
    from payments_app import api as edge

    edge.register(fresh)

    for path in ("/nothing", f"/customers/cus_{'0' * 32}"):
        refusal(Api(fresh, api.bearer).get(path), 404, "not_found")
    assert fresh.test_client().get("/elsewhere").text == "<h1>page</h1>"
