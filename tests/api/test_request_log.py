"""One structured line per request, by which everything about it is found; no secret is in it."""

from flask import Flask
from structlog.testing import capture_logs

from payments_app.api import request_log
from tests.api.support import Api


def lines(logged):
    return [line for line in logged if line["event"] == "request_finished"]


def test_a_request_leaves_one_line_with_who_what_and_how_long(api: Api, customer):
    with capture_logs() as logged:
        api.get(f"/customers/{customer['id']}")

    [line] = lines(logged)
    assert line["method"] == "GET"
    assert line["route"] == "/api/v1/customers/<customer_id>"
    assert line["path"] == f"/api/v1/customers/{customer['id']}"
    assert line["status"] == 200
    assert line["took_ms"] > 0
    assert line["actor"].startswith("api:key_")


def test_the_key_of_the_caller_is_in_no_line(api: Api, bearer):
    with capture_logs() as logged:
        api.get("/customers")
        api.get("/nothing")

    assert len(lines(logged)) == 2
    assert bearer not in repr(logged)


def test_an_unexpected_failure_is_logged_with_its_cause(api: Api, app: Flask, sessions):
    from sqlalchemy import text

    with sessions.begin() as session:
        session.execute(text("ALTER TABLE customers RENAME COLUMN notes TO remarks"))
    with capture_logs() as logged:
        api.get("/customers")

    [failed] = [line for line in logged if line["event"] == "request_failed"]
    assert "notes" in str(failed["exc_info"])


def test_the_token_of_a_hosted_page_is_hidden():
    app = Flask("pages")
    request_log.register(app)

    @app.get("/i/<token>")
    def hosted(token: str) -> str:
        return "invoice"

    with capture_logs() as logged:
        app.test_client().get("/i/0123456789abcdef")

    assert lines(logged)[0]["path"] == "/i/…"


def test_probes_leave_no_line(app: Flask):
    with capture_logs() as logged:
        app.test_client().get("/healthz")

    assert lines(logged) == []
