"""A PostgreSQL server of one test's own, which may be cut off in the middle of everything."""

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from payments_app import embedded_postgres
from payments_app.embedded_postgres.binaries import programs
from payments_app.embedded_postgres.place import locate

RESTART_TIMEOUT_S = 60


class OwnServer:
    """``-m immediate`` ends every session at once and recovers from the log, as after a crash.

    It keeps its default durability: a restart that forgets what it had acknowledged proves nothing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held = ExitStack()
        self.url = ""
        self.restarts = 0

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        self.url = self._held.enter_context(embedded_postgres.server(self._folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()
        embedded_postgres.remove(self._folder)
        shutil.rmtree(self._folder, ignore_errors=True)

    def restart(self) -> None:
        place = locate(self._folder)
        done = place.run(
            *(programs(place) / "pg_ctl", "restart", "-D", place.cluster, "-m", "immediate"),
            *("-w", "-l", place.log),
            timeout_s=RESTART_TIMEOUT_S,
        )
        assert done.returncode == 0, done.stderr
        self.restarts += 1
