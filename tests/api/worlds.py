"""The API in front of a database, and a few things to ask about, each made as people make them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from flask import Flask
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock, create_app
from payments_app.config import load_config
from payments_app.domain.payment import Payment
from payments_app.services import api_keys, invoices
from tests.api.support import Api

Row = dict[str, Any]
Change = Callable[[Callable[[Session, datetime], Any]], Any]


@contextmanager
def app_on(database_url: str, **env: str) -> Iterator[Flask]:
    config = load_config({"APP_ENV": "test", "DATABASE_URL": database_url, **env})
    app = create_app(config)
    try:
        yield app
    finally:
        app.extensions["database"].close()


def new_bearer(sessions: sessionmaker[Session]) -> str:
    with sessions.begin() as session:
        return api_keys.create(session, "Tests")[1]


def changer(sessions: sessionmaker[Session]) -> Change:
    """Do something as a worker would, in a transaction of its own."""

    def change(work: Callable[[Session, datetime], Any]) -> Any:
        with sessions.begin() as session:
            return work(session, clock.now(session))

    return change


def a_customer(client: Api) -> Row:
    return client.post("/customers", {"name": "Ada Lovelace", "email": "ada@example.com"}).json


def a_draft(client: Api, customer: Row) -> Row:
    return client.post("/invoices", client.an_invoice(customer)).json


def an_open_invoice(client: Api, draft: Row, change: Change) -> Row:
    """119.00 EUR, numbered as its job does it."""
    client.post(f"/invoices/{draft['id']}/finalize")
    change(lambda session, now: invoices.finalize(session, draft["id"], now=now))
    return client.get(f"/invoices/{draft['id']}").json


def complete(payment: Row, change: Change) -> Row:
    """Write down that the gateway captured it."""

    def work(session: Session, now: datetime) -> None:
        row = session.get_one(Payment, payment["id"])
        row.move("begin")
        session.flush()
        row.gateway_intent_id = f"pi_{payment['id']}"
        row.captured_minor = row.amount_minor
        row.finished_at, row.next_action_at = now, None
        row.move("complete")

    change(work)
    return payment
