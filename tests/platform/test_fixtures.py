"""What other suites rely on: databases of one's own, and no way out of this machine."""

import socket

import pytest
from sqlalchemy import text

from payments_app.db import make_engine
from tests.support.network import NetworkForbidden


def test_a_test_gets_an_empty_database_of_its_own(database_url):
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE mine (id int)"))
        tables = connection.execute(
            text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        ).scalar_one()
        zone = connection.execute(text("SHOW timezone")).scalar_one()
    engine.dispose()

    assert (tables, zone) == (1, "UTC")


def test_a_clone_has_the_schema_of_the_business_and_of_the_queue(app_database_url):
    engine = make_engine(app_database_url)
    with engine.connect() as connection:
        schemas = set(
            connection.execute(
                text("SELECT schemaname FROM pg_tables WHERE tablename IN ('payments', 'jobs')")
            ).scalars()
        )
    engine.dispose()

    assert schemas == {"public", "queue"}


def test_no_test_reaches_another_machine():
    with socket.socket() as outside, pytest.raises(NetworkForbidden):
        outside.connect(("192.0.2.1", 80))
