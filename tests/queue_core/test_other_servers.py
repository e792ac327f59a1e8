"""The queue's whole suite on every other PostgreSQL server package that this machine has (15 and
newer are supported; the embedded one is 18).
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.queue_core.processes import ROOT
from tests.support.ports import free_port

PACKAGES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
OLDEST = 15
NOBODY_ID = 65534
SUITE_TIMEOUT_S = 900


@contextmanager
def server(programs: Path) -> Iterator[str]:
    """Its address; the server is gone at the end. PostgreSQL refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="other-server-", dir="/var/tmp"))
    owner = NOBODY_ID if os.geteuid() == 0 else None
    if owner:
        os.chown(folder, owner, owner)
    port = free_port()

    def run(*command: str | Path) -> None:
        done = subprocess.run(
            command,
            user=owner,
            group=owner,
            extra_groups=[] if owner else None,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    data, options = folder / "data", f"-F -h 127.0.0.1 -p {port} -k '' -c max_connections=300"
    log = folder / "log"
    run(programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8")
    run(programs / "pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", options)
    try:
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres"
    finally:
        run(programs / "pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.full
@pytest.mark.timeout(SUITE_TIMEOUT_S + 60)
@pytest.mark.parametrize("initdb", PACKAGES, ids=lambda path: f"postgresql-{path.parts[-3]}")
def test_the_suite_passes_on_it(initdb: Path) -> None:
    if int(initdb.parts[-3]) < OLDEST:
        pytest.skip(f"supported are PostgreSQL {OLDEST} and newer")
    with server(initdb.parent) as url:
        suite = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-n", "2", "tests/queue_core"],
            cwd=ROOT,
            env={
                **{name: value for name, value in os.environ.items() if "PYTEST" not in name},
                "TEST_DATABASE_URL": url,
            },
            capture_output=True,
            text=True,
            timeout=SUITE_TIMEOUT_S,
            check=False,
        )

    print(suite.stdout[-300:])  # noqa: T201 - a figure
    assert suite.returncode == 0, suite.stdout[-6000:]
