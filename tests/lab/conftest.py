"""One lab for all tests of a process: its gateways and its nursery are started once."""

from collections.abc import Iterator

import pytest

from payments_app.lab.laboratory import Laboratory


@pytest.fixture(scope="session")
def lab(admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    """A laboratory on the tests' server, with a folder of its own."""
    laboratory = Laboratory(tmp_path_factory.mktemp("lab"), lambda: admin_url)
    yield laboratory
    laboratory.close()
