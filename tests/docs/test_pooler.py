"""Behind PgBouncer in transaction mode: what the guide promises of it, with the real one."""

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from queue_core import Queue, worker
from tests.architecture.source import ROOT
from tests.support.ports import free_port
from tests.support.waiting import wait_until

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
pytestmark = pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")

# More than psycopg's threshold, on fewer server connections than clients: sessions get mixed.
JOBS, CLIENTS, SERVER_CONNECTIONS = 60, 6, 2
PROGRAM = """
from queue_core import Queue, worker

@worker(max_attempts=1)
def count(job):
    with job.transaction() as session:
        session.connection().exec_driver_sql("UPDATE counter SET n = n + 1")

queue = Queue({url!r}, queues={{"default": 6}}, workers=[count])
raise SystemExit(queue.run(stop_when_empty=True))
"""


@worker(max_attempts=1)
def count(job):
    """Inserted here, performed by the program."""


@pytest.fixture
def pooled_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    url = make_url(database_url)
    port = free_port()
    login = f"user={url.username}" + (f" password={url.password}" if url.password else "")
    config = tmp_path / "pgbouncer.ini"
    config.write_text(
        textwrap.dedent(f"""
        [databases]
        {url.database} = host={url.host} port={url.port} {login}
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = any
        pool_mode = transaction
        default_pool_size = {SERVER_CONNECTIONS}
        """)
    )
    # It refuses to be root, and must read its settings as whoever it becomes.
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    log = (tmp_path / "log").open("w+")
    bouncer = subprocess.Popen([str(PGBOUNCER), *user, str(config)], stdout=log, stderr=log)
    try:
        wait_until(lambda: "listening on" in (tmp_path / "log").read_text(), what="pgbouncer")
        yield url.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
    finally:
        bouncer.terminate()
        bouncer.wait(10)
        log.close()


def test_jobs_are_stored_and_performed_behind_a_transaction_pooler(pooled_url: str):
    queue = Queue(pooled_url, queues={"default": 6})
    queue.install()
    with queue.engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE counter AS SELECT 0 AS n")

    def insert(number: int) -> None:
        with queue.engine.begin() as connection:
            queue.insert(connection, count.new(number=number))

    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(insert, range(JOBS)))
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(url=pooled_url)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stderr
    assert queue.stats() == {"default": {"completed": JOBS}}
    with queue.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT n FROM counter").scalar_one() == JOBS
    queue.engine.dispose()
