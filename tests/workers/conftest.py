"""A database of the test's own, as an engine and as sessions."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from payments_app.db import make_engine


@pytest.fixture
def engine(app_database_url: str) -> Iterator[Engine]:
    made = make_engine(app_database_url)
    yield made
    made.dispose()


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    return sessionmaker(engine, expire_on_commit=False)
