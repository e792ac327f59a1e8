"""Sessions on a database of the test's own, with the whole schema."""

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session, sessionmaker

from payments_app.db import make_engine


@pytest.fixture
def sessions(app_database_url: str) -> Iterator[sessionmaker[Session]]:
    engine = make_engine(app_database_url)
    yield sessionmaker(engine, expire_on_commit=False)
    engine.dispose()
