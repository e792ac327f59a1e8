"""Worker processes that die where a plan says, and are started again, as a manager would."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.simulator import Simulator

ROOT = Path(__file__).parent.parent.parent
APP = "payments_app:create_app(edges=False)"
RESTARTS_MAX = 5


@dataclass
class Workers:
    """``run-workers`` in a process tree of its own, started again when its supervisor dies."""

    env: Mapping[str, str]
    log: Path
    restarts: int = 0
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> "Workers":
        self._process = self._launch()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        self._process.terminate()
        self._process.wait(timeout=30)
        self._keeper.join(5)

    def _keep(self) -> None:
        while not self._stopping.is_set():
            self._process.wait()
            if not self._stopping.is_set() and self.restarts < RESTARTS_MAX:
                self.restarts += 1
                self._process = self._launch()
            else:
                return

    def _launch(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "flask", "--app", APP, "run-workers", "--processes", "1"]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command, cwd=ROOT, env={**os.environ, **self.env}, stdout=log, stderr=log
            )


@contextmanager
def workers(
    database_url: str,
    simulator: Simulator,
    folder: Path,
    *,
    plan: Mapping[str, Any] | None = None,
    arguments: Mapping[str, str] | None = None,
):
    """Workers on this database and gateway; ``plan`` says at which checkpoints they die."""
    env = {
        "DATABASE_URL": database_url,
        "DATA_DIR": str(folder),
        "GATEWAY_URL": simulator.url,
        "GATEWAY_API_KEY": simulator.api_key,
        "GATEWAY_TIMEOUT_SECONDS": "1",
        "LEASE_SECONDS": "3",
        "SHUTDOWN_TIMEOUT_SECONDS": "2",
        "CHECKPOINTS": json.dumps(plan or {}),
        **(arguments or {}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    running = Workers(env, folder / "workers.log").start()
    try:
        yield running
    finally:
        running.stop()
