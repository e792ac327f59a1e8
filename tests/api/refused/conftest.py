"""One world for all requests that are refused: nothing is written, so none sees another.

That they write nothing is itself checked after every test, row by row.
"""

from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from payments_app.domain.customer import Customer
from payments_app.domain.invoice import Invoice, InvoiceLine
from payments_app.domain.payment import Payment
from payments_app.domain.refund import Refund
from payments_app.domain.transition import Transition
from tests.api import worlds
from tests.api.support import Api
from tests.api.worlds import Row
from tests.support import databases

WRITTEN = (Customer, Invoice, InvoiceLine, Payment, Refund, Transition)


@pytest.fixture(scope="package")
def app(admin_url: str, app_template: str) -> Iterator[Flask]:
    with (
        databases.database(admin_url, template=app_template) as url,
        worlds.app_on(url) as app,
    ):
        yield app


@pytest.fixture(scope="package")
def sessions(app: Flask) -> sessionmaker[Session]:
    found: sessionmaker[Session] = app.extensions["database"].sessions
    return found


@pytest.fixture(scope="package")
def api(app: Flask, sessions: sessionmaker[Session]) -> Api:
    return Api(app, worlds.new_bearer(sessions))


@pytest.fixture(scope="package")
def customer(api: Api) -> Row:
    return worlds.a_customer(api)


@pytest.fixture(scope="package")
def invoice(api: Api, customer: Row, sessions: sessionmaker[Session]) -> Row:
    """Open, with nothing paid."""
    draft = worlds.a_draft(api, customer)
    return worlds.an_open_invoice(api, draft, worlds.changer(sessions))


@pytest.fixture(scope="package")
def completed(api: Api, customer: Row, sessions: sessionmaker[Session]) -> Row:
    """A captured payment of another invoice."""
    change = worlds.changer(sessions)
    invoice = worlds.an_open_invoice(api, worlds.a_draft(api, customer), change)
    return worlds.complete(api.pay(invoice).json, change)


@pytest.fixture(autouse=True)
def nothing_is_half_written(invoice: Row, completed: Row, sessions) -> Iterator[None]:
    """The rows of before are the rows of after."""

    def rows() -> list[int]:
        with sessions() as session:
            counts = [select(func.count()).select_from(one) for one in WRITTEN]
            return [session.scalar(count) for count in counts]

    before = rows()
    yield
    assert rows() == before
