"""A database for a whole module: its tests commit nothing but one open invoice."""

from collections.abc import Iterator

import pytest

from tests.support import databases


@pytest.fixture(scope="module")
def app_module_database_url(admin_url: str, app_template: str) -> Iterator[str]:
    with databases.database(admin_url, template=app_template) as url:
        yield url
