"""Real worker processes in the hands of a test. What was started is killed at the end."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from queue_core import Queue
from tests.support.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent


class Program:
    """One supervisor and its children."""

    def __init__(
        self, queue: Queue, log: Path, env: dict[str, str], options: dict[str, Any]
    ) -> None:
        self.queue = queue
        self.log = log
        self.node = f"node-{log.stem}"
        values = {
            "lease_s": 3.0,
            "shutdown_timeout_s": 3.0,
            "poll_s": 0.3,
            "node": self.node,
            **options,
        }
        url = values.pop("url", queue.database_url)
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.queue_core.program"),
                    *(url, json.dumps(values)),
                ],
                cwd=ROOT,
                env={**os.environ, **env},
                stdout=subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,
            )

    @property
    def text(self) -> str:
        return self.log.read_text()

    def workers(self) -> list[dict[str, Any]]:
        with self.queue.engine.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT id, pid, supervisor_pid FROM queue.workers"
                " WHERE node = %(node)s ORDER BY started_at",
                {"node": self.node},
            )
            return [dict(row) for row in rows.mappings()]

    def ready(self, processes: int = 1) -> "Program":
        wait_until(
            lambda: len(self.workers()) >= processes,
            timeout_s=20,
            what=f"workers start:\n{self.text}",
        )
        return self

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill_child(self) -> int:
        pid: int = self.workers()[0]["pid"]
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_all(self) -> None:
        """The whole node at once, as a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def wait(self, timeout_s: float = 20) -> int:
        try:
            return self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout_s} s:\n{self.text}") from None


@contextmanager
def programs(queue: Queue, folder: Path) -> Iterator[Any]:
    started: list[Program] = []

    def start(*, env: dict[str, str] | None = None, **options: Any) -> Program:
        started.append(Program(queue, folder / f"program-{len(started)}.log", env or {}, options))
        return started[-1]

    try:
        yield start
    finally:
        for one in started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait(10)


def alive(pid: int) -> bool:
    """Whether it runs: neither gone nor a zombie that nobody has waited for."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return not (stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] == "Z")
    except ProcessLookupError:
        return False
