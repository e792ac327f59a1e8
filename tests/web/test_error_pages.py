"""What goes wrong is said in words: no stack trace, nothing lost, the right status."""

import html

import pytest
from flask import Flask

from payments_app import create_app
from payments_app.config import load_config
from payments_app.web.permissions import Permission, requires
from tests.support.ports import free_port
from tests.web.browser import Browser, words

CUSTOMER = {"name": "Ada <Ltd>", "email": "ada@example.com", "password": "secret"}


def test_a_form_that_timed_out_keeps_its_entries_and_submits_nothing(owner: Browser):
    answer = owner.client.post("/customers/new", data=CUSTOMER | {"csrf_token": "old"})

    assert answer.status_code == 400
    assert "Nothing was submitted. Your entries are kept" in words(answer)
    assert 'name="name" value="Ada &lt;Ltd&gt;"' in answer.text
    assert "secret" not in answer.text
    assert "No customers yet" in words(owner.get("/customers"))


def test_the_kept_form_can_be_sent_again(owner: Browser):
    page = owner.client.post("/customers/new", data=CUSTOMER | {"csrf_token": "old"}).text
    form = page.partition('<form method="post" action="/customers/new"')[2]
    token = form.split('name="csrf_token" value="')[1].split('"')[0]

    answer = owner.client.post(
        "/customers/new", data=CUSTOMER | {"csrf_token": html.unescape(token)}
    )

    assert answer.status_code == 303


def test_a_form_of_another_site_is_not_given_back_filled_in(owner: Browser):
    answer = owner.client.post(
        "/customers/new", data=CUSTOMER, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert answer.status_code == 400
    assert "Ada" not in answer.text


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/nothing/here", 404, "Page not found"),
        ("/customers/cus_no", 404, "Page not found"),
        ("/logout", 405, "Wrong way in"),
    ],
)
def test_a_wrong_address_gets_a_page_with_its_status(owner: Browser, path, status, said):
    answer = owner.get(path)

    assert answer.status_code == status
    assert said in words(answer)
    assert '<html lang="en"' in answer.text


def test_a_wrong_method_says_which_are_right(owner: Browser):
    assert "POST" in owner.get("/logout").headers["Allow"]


def test_a_mistake_of_ours_shows_a_number_and_no_trace(app: Flask):
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.add_url_rule("/broken", view_func=broken)

    answer = Browser(app).get("/broken")

    assert answer.status_code == 500
    assert "Something went wrong" in words(answer)
    assert answer.headers["X-Request-Id"] in words(answer)
    assert "boom" not in answer.text


def test_a_database_that_does_not_answer_is_a_page_too():
    nowhere = f"postgresql://postgres@127.0.0.1:{free_port()}/none"
    app = create_app(load_config({"APP_ENV": "test", "DATABASE_URL": nowhere}))

    answer = Browser(app).get("/login")

    assert answer.status_code == 503
    assert "Not available right now" in words(answer)
    assert int(answer.headers["Retry-After"]) > 0


def test_the_api_keeps_its_own_answers(owner: Browser):
    answer = owner.get("/api/v1/nothing")

    assert answer.content_type.startswith("application/problem+json")


def test_a_live_part_of_an_ended_session_is_401_and_no_page(app: Flask, owner: Browser):
    owner.submit("/logout")

    assert owner.get("/payments/x/live", headers={"HX-Request": "true"}).status_code == 401


def test_every_page_has_the_strict_content_policy(owner: Browser):
    for path in ("/", "/login", "/nothing", "/static/css/base.css"):
        headers = owner.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'self'")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_private_pages_are_not_kept_and_hashed_files_are(owner: Browser):
    page = owner.get("/")
    sheet = page.text.split('rel="stylesheet" href="')[1].split('"')[0]

    assert page.headers["Cache-Control"] == "no-store"
    assert "immutable" in owner.get(sheet).headers["Cache-Control"]


@requires(Permission.PUBLIC)
def broken():
    raise RuntimeError("boom")
