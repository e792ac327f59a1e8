"""Sessions on a database of the test's own, with the whole schema."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from payments_app.db import make_engine
from tests.support import databases


@pytest.fixture
def sessions(app_engine: Engine) -> sessionmaker[Session]:
    return sessionmaker(app_engine, expire_on_commit=False)


@pytest.fixture(scope="module")
def shared_engine(admin_url: str, app_template: str) -> Iterator[Engine]:
    """A database that all tests of a module share; only for tests that never commit."""
    with databases.database(admin_url, template=app_template) as url:
        engine = make_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def session(shared_engine: Engine) -> Iterator[Session]:
    """One transaction, rolled back at the end: a clone per refused field would take minutes."""
    with Session(shared_engine, expire_on_commit=False) as session:
        yield session
        session.rollback()
