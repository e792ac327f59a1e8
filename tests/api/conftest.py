"""A world of each test's own: a database, the application in front of it, a key, an invoice."""

from collections.abc import Iterator

import pytest
import structlog
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from tests.api import worlds
from tests.api.support import Api
from tests.api.worlds import Change, Row


@pytest.fixture(scope="session", autouse=True)
def plain_tracebacks() -> Iterator[None]:
    """The default shows the variables of every frame, which takes seconds for one exception."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, plain])
    yield
    structlog.reset_defaults()


@pytest.fixture
def app(app_database_url: str) -> Iterator[Flask]:
    with worlds.app_on(app_database_url) as app:
        yield app


@pytest.fixture
def sessions(app: Flask) -> sessionmaker[Session]:
    found: sessionmaker[Session] = app.extensions["database"].sessions
    return found


@pytest.fixture
def bearer(sessions: sessionmaker[Session]) -> str:
    return worlds.new_bearer(sessions)


@pytest.fixture
def api(app: Flask, bearer: str) -> Api:
    return Api(app, bearer)


@pytest.fixture
def change(sessions: sessionmaker[Session]) -> Change:
    return worlds.changer(sessions)


@pytest.fixture
def customer(api: Api) -> Row:
    return worlds.a_customer(api)


@pytest.fixture
def draft(api: Api, customer: Row) -> Row:
    return worlds.a_draft(api, customer)


@pytest.fixture
def invoice(api: Api, draft: Row, change: Change) -> Row:
    return worlds.an_open_invoice(api, draft, change)


@pytest.fixture
def payment(api: Api, invoice: Row) -> Row:
    return api.pay(invoice).json


@pytest.fixture
def completed(payment: Row, change: Change) -> Row:
    return worlds.complete(payment, change)
