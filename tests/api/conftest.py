"""The API in front of a real database: a client with a key, and a few things to ask about."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from payments_app import api as _api
from payments_app import cli, clock
from payments_app.config import load_config
from payments_app.db import Database
from payments_app.domain.payment import Payment
from payments_app.services import api_keys, invoices
from tests.api.support import Api

Change = Callable[[Session, datetime], Any]


def _make(config):
    app = Flask("payments_app")
    app.secret_key = config.secret_key
    app.extensions["config"] = config
    app.extensions["database"] = Database(config)
    cli.register(app)
    _api.register(app)
    return app


@pytest.fixture
def app(app_database_url: str) -> Iterator[Flask]:
    made = _make(load_config({"APP_ENV": "test", "DATABASE_URL": app_database_url}))
    yield made
    made.extensions["database"].close()


@pytest.fixture
def sessions(app: Flask) -> sessionmaker[Session]:
    found: sessionmaker[Session] = app.extensions["database"].sessions
    return found


@pytest.fixture
def bearer(sessions: sessionmaker[Session]) -> str:
    with sessions.begin() as session:
        return api_keys.create(session, "Tests")[1]


@pytest.fixture
def api(app: Flask, bearer: str) -> Api:
    """A client with a valid key."""
    return Api(app, bearer)


@pytest.fixture
def change(sessions: sessionmaker[Session]) -> Callable[[Change], Any]:
    """Do something as a worker would, in a transaction of its own."""

    def run(work: Change) -> Any:
        with sessions.begin() as session:
            return work(session, clock.now(session))

    return run


@pytest.fixture
def customer(api: Api) -> dict[str, Any]:
    return api.post("/customers", {"name": "Ada Lovelace", "email": "ada@example.com"}).json


@pytest.fixture
def draft(api: Api, customer: dict[str, Any]) -> dict[str, Any]:
    return api.post("/invoices", api.an_invoice(customer)).json


@pytest.fixture
def invoice(api: Api, draft: dict[str, Any], change) -> dict[str, Any]:
    """An open invoice of 119.00 EUR."""
    api.post(f"/invoices/{draft['id']}/finalize")
    change(lambda session, now: invoices.finalize(session, draft["id"], now=now))
    return api.get(f"/invoices/{draft['id']}").json


@pytest.fixture
def payment(api: Api, invoice: dict[str, Any]) -> dict[str, Any]:
    """A pending payment of all of it."""
    return api.pay(invoice).json


@pytest.fixture
def completed(payment: dict[str, Any], change) -> dict[str, Any]:
    """The payment as it is after the gateway captured."""

    def complete(session: Session, now: datetime) -> None:
        row = session.get_one(Payment, payment["id"])
        row.move("begin")
        session.flush()
        row.gateway_intent_id = f"pi_{payment['id']}"
        row.captured_minor = row.amount_minor
        row.finished_at, row.next_action_at = now, None
        row.move("complete")

    change(complete)
    return payment
