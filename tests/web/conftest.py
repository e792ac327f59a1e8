"""A world of each test's own: a database, the application on it, browsers of every role."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from argon2 import PasswordHasher
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock, create_app
from payments_app.config import load_config
from payments_app.domain.access import Role, User
from payments_app.lab.records import Records
from payments_app.services import access
from payments_app.web.guard import TOKEN
from payments_app.web.public.blueprint import wrong_links
from tests.support.conversation import Conversation
from tests.web.browser import PASSWORD, Browser
from tests.web.lab_records import ColdLaboratory

BrowserOf = Callable[[Role], Browser]


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> Iterator[None]:
    """The default shows the variables of every frame, which takes seconds for one exception."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, plain])
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def password_hash() -> str:
    """Of PASSWORD, made once: hashing is slow on purpose."""
    return PasswordHasher().hash(PASSWORD)


@pytest.fixture
def app(app_database_url: str, run_dir: Path) -> Iterator[Flask]:
    wrong_links.forget()
    app = create_app(load_config({"APP_ENV": "test", "DATABASE_URL": app_database_url}))
    # Templates are compiled once for all tests, not once for each application.
    app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(run_dir))
    yield app
    app.extensions["database"].close()


@pytest.fixture
def sessions(app: Flask) -> sessionmaker[Session]:
    found: sessionmaker[Session] = app.extensions["database"].sessions
    return found


@pytest.fixture
def visitor(app: Flask) -> Browser:
    """Somebody who has not signed in."""
    return Browser(app)


@pytest.fixture
def browser_of(app: Flask, sessions: sessionmaker[Session], password_hash: str) -> BrowserOf:
    """A signed-in browser of one role."""

    def make(role: Role) -> Browser:
        with sessions.begin() as session:
            user = User(
                email=f"{role}@example.com",
                name=role.capitalize(),
                role=role,
                password_hash=password_hash,
            )
            session.add(user)
            session.flush()
            token = access.open_session(session, user, clock.now(session))
        browser = Browser(app)
        with browser.client.session_transaction() as cookie:
            cookie[TOKEN] = token
        return browser

    return make


@pytest.fixture
def owner(browser_of: BrowserOf) -> Browser:
    return browser_of(Role.OWNER)


@pytest.fixture
def records(app: Flask, app_database_url: str, tmp_path: Path) -> Records:
    """The lab's runs, in a folder of the test's; and a lab that starts nothing by itself."""
    lab = ColdLaboratory(tmp_path, lambda: app_database_url)
    app.extensions["lab"] = lab
    return lab.records


@pytest.fixture
def talk(sessions: sessionmaker[Session]) -> Conversation:
    """A pending payment of 120 dollars, and a gateway that says what the test chooses."""
    with sessions() as session:
        now = clock.now(session)
    made = Conversation.about_a_new_payment(sessions, now=now)
    made.now = now
    return made


@pytest.fixture
def paid(talk: Conversation) -> Conversation:
    """The payment, completed."""
    talk.confirm_sent()
    talk.hear(talk.succeeded())
    return talk
