"""Coming in: the first owner, passwords, the pause after wrong guesses, sessions that end."""

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.domain.access import Role
from payments_app.services import access
from tests.web.browser import PASSWORD, Browser, words

OWNER = {"name": "Olivia", "email": "Olivia@Example.com", "password": PASSWORD}


def test_the_first_visitor_becomes_the_owner(visitor: Browser):
    assert visitor.get("/login").headers["Location"] == "/setup"

    answer = visitor.submit("/setup", OWNER)

    assert answer.status_code == 303
    assert "Welcome, Olivia" in words(visitor.get("/"))


def test_setup_is_closed_once_anybody_exists(app: Flask, owner: Browser):
    stranger = Browser(app)

    assert stranger.get("/setup").status_code == 303
    assert stranger.submit("/setup", OWNER).headers["Location"] == "/login"
    assert stranger.get("/").status_code == 303


def test_a_short_password_is_refused_beside_its_field(visitor: Browser):
    answer = visitor.submit("/setup", OWNER | {"password": "short"})

    assert answer.status_code == 422
    assert "at least 8 characters" in words(answer)
    assert 'value="Olivia"' in answer.text
    assert "short" not in answer.text


@pytest.mark.parametrize("email", ["owner@example.com", "nobody@example.com"])
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    app: Flask, owner: Browser, email: str
):
    answer = Browser(app).submit("/login", {"email": email, "password": "wrong"})

    assert answer.status_code == 422
    assert "Email or password is wrong." in words(answer)


def test_five_wrong_passwords_rest_the_account_even_for_the_right_one(app: Flask, owner: Browser):
    guesser = Browser(app)
    for _ in range(access.FAILURES_BEFORE_LOCK):
        guesser.submit("/login", {"email": "owner@example.com", "password": "wrong"})

    answer = guesser.submit("/login", {"email": "owner@example.com", "password": PASSWORD})

    assert answer.status_code == 422
    assert "Try again in 15 minutes" in words(answer)


def test_the_pause_ends(app: Flask, owner: Browser, sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        session.execute(text("UPDATE users SET locked_until = now() - interval '1 second'"))

    answer = Browser(app).submit("/login", {"email": "owner@example.com", "password": PASSWORD})

    assert answer.status_code == 303


def test_signing_out_ends_the_session_on_the_server_too(owner: Browser):
    cookie = owner.client.get_cookie("session")
    assert cookie is not None
    owner.submit("/logout")

    owner.client.set_cookie("session", cookie.value)

    assert owner.get("/").status_code == 303


def test_an_expired_session_lets_nobody_in(owner: Browser, sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        session.execute(text("UPDATE user_sessions SET expires_at = now()"))

    assert owner.get("/").status_code == 303


def test_a_disabled_user_is_out_at_once(owner: Browser, sessions: sessionmaker[Session]):
    with sessions.begin() as session:
        session.execute(text("UPDATE users SET disabled_at = now()"))

    assert owner.get("/").status_code == 303


def test_the_database_holds_neither_password_nor_session_token(
    owner: Browser, sessions: sessionmaker[Session]
):
    with sessions.begin() as session:
        now = clock.now(session)
        signed_in = access.sign_in(session, "owner@example.com", PASSWORD, now=now)
        assert isinstance(signed_in, access.SignedIn)
        rows = str(session.execute(text("TABLE users")).all())
        rows += str(session.execute(text("TABLE user_sessions")).all())

    assert signed_in.token not in rows
    assert PASSWORD not in rows


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"]
)
def test_after_signing_in_nobody_is_sent_elsewhere(app: Flask, owner: Browser, target: str):
    form = {"email": "owner@example.com", "password": PASSWORD, "next": target}

    answer = Browser(app).submit("/login", form)

    assert answer.headers["Location"] == "/"


def test_a_deep_link_is_opened_after_signing_in(app: Flask, owner: Browser):
    visitor = Browser(app)
    asked = visitor.get("/invoices?tab=open").headers["Location"]
    assert asked == "/login?next=/invoices?tab%3Dopen"

    form = {"email": "owner@example.com", "password": PASSWORD, "next": "/invoices?tab=open"}
    answer = visitor.submit("/login", form)

    assert answer.headers["Location"] == "/invoices?tab=open"


def test_signing_in_starts_a_new_session_and_a_new_form_token(app: Flask, owner: Browser):
    visitor = Browser(app)
    planted = visitor.token()

    visitor.submit("/login", {"email": "owner@example.com", "password": PASSWORD})

    assert visitor.client.post("/logout", data={"csrf_token": planted}).status_code == 400


def test_a_taken_address_is_refused(sessions: sessionmaker[Session], owner: Browser):
    with sessions.begin() as session, pytest.raises(Exception, match="has an account already"):
        access.create_user(
            session, email="OWNER@example.com", name="Two", password=PASSWORD, role=Role.VIEWER
        )


def test_the_theme_is_written_by_the_server(owner: Browser):
    assert "data-theme" not in owner.get("/").text

    owner.submit("/theme", {"theme": "dark", "next": "/"})

    assert '<html lang="en" data-theme="dark">' in owner.get("/").text
