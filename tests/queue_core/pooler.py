"""A PgBouncer in transaction mode before the tests' server: every transaction may meet another
session, nothing set for a session lasts, and LISTEN hears nothing.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from sqlalchemy.engine import make_url

from tests.support.ports import free_port
from tests.support.waiting import wait_until

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
NOBODY_ID = 65534


class Pooler:
    """`url` for clients; `restart` ends all their connections, as a deployment of it does."""

    def __init__(self, database_url: str) -> None:
        assert PROGRAM, "this test needs PgBouncer: apt-get install pgbouncer"
        target = make_url(database_url)
        self._port = free_port()
        self.url = target.set(host="127.0.0.1", port=self._port).render_as_string(
            hide_password=False
        )
        self._folder = Path(tempfile.mkdtemp(prefix="pooler-"))
        password = f"password={target.password}" if target.password else ""
        (self._folder / "ini").write_text(
            f"[databases]\n"
            f"* = host={target.host} port={target.port or 5432} user={target.username} {password}\n"
            "[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self._port}\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\ndefault_pool_size = 20\n"
            f"max_client_conn = 200\nlogfile = {self._folder / 'log'}\n"
        )
        self._owner = NOBODY_ID if os.geteuid() == 0 else None  # It refuses to run as root.
        if self._owner:
            for path in (self._folder, self._folder / "ini"):
                os.chown(path, self._owner, self._owner)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> None:
        self._process = subprocess.Popen(
            [PROGRAM or "", "-q", self._folder / "ini"],
            user=self._owner,
            group=self._owner,
            extra_groups=[] if self._owner else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers, what="PgBouncer answers")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def restart(self) -> None:
        self.stop()
        self.start()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
            return True
        return False
