"""Tests that share something costly run in one process: a browser and its shop, a seeded business.

pytest-xdist has a marker for this, which it writes into the test's id; pytest 9.2 lets nobody write
there, and the marker is ignored without a word (pytest-xdist 3.8). Here the file's place decides.
"""

import pytest
from xdist.scheduler import LoadGroupScheduling  # type: ignore[import-untyped]

TOGETHER = (
    "tests/e2e/",
    "tests/model/test_conformance.py",
    "tests/ops/test_seed.py",
    "tests/platform/test_run_tree.py",
)


class Together(LoadGroupScheduling):  # type: ignore[misc]  # its base has no types
    def _split_scope(self, nodeid: str) -> str:
        return next((place for place in TOGETHER if nodeid.startswith(place)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Together | None:
    return Together(config, log) if config.getoption("dist") == "loadgroup" else None
