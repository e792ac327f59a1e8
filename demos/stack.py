"""A whole application of its own: gateway, workers and web as real processes on free ports.

Demonstrations and crash tests start one, do harm to it, and read the gateway's journal afterwards.
Every process ends with the one that started it, however that one ends, so a killed run leaves
nothing behind.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from demos.ground import answers, free_ports, http_session
from payments_app.cli.db import upgrade
from payments_app.cli.parts import Lifeline, Part
from payments_app.db import make_engine
from payments_app.process_table import parent_of
from payments_app.services import api_keys

ROOT = Path(__file__).parent.parent
APP = "payments_app:create_app(edges=False)"
WEB_APP = "payments_app:create_app()"
READY_TIMEOUT_S = 60.0
# Answers that are slower than this are no answers: a stack that is being killed must not be waited
# for as long as a bank would be.
GATEWAY_TIMEOUT_S = 3.0
WEB_THREADS = 16
GRACE_S = 5.0


class Stack:
    """``with Stack(folder, database_url) as stack: stack.post("/api/v1/customers", {…})``."""

    web_app = WEB_APP

    def __init__(
        self,
        folder: Path,
        database_url: str,
        *,
        processes: int = 2,
        web: bool = True,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.database_url = database_url
        self.processes = processes
        self.log: list[str] = []
        self._gateway_port, self._web_port = free_ports(2)
        self._lifeline = Lifeline()
        self._env = {**os.environ, **self._settings(), **(env or {})}
        self._parts = self._make_parts(web=web)
        self.engine: Engine = make_engine(database_url, application_name="stack")
        self.sessions: sessionmaker[Session] = sessionmaker(self.engine, expire_on_commit=False)
        self._http = http_session()
        self._key: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._web_port}"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self._gateway_port}"

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Migrate, start every part, and return when all of them answer."""
        upgrade(self.database_url)
        for part in self._parts:
            part.start()
        wait_for(lambda: answers(f"{self.gateway_url}/_sim/clock"), "the gateway", self)
        wait_for(lambda: len(self.workers()) >= self.processes, "the workers", self)
        if any(part.name == "web" for part in self._parts):
            wait_for(lambda: answers(f"{self.url}/healthz"), "the web server", self)

    def stop(self) -> None:
        for part in reversed(self._parts):
            part.stop()
        self._http.close()
        self.engine.dispose()

    def ended(self) -> list[str]:
        """Parts that were started and run no more."""
        return [part.name for part in self._parts if part.exit_code is not None]

    def post(
        self, path: str, body: Mapping[str, Any], *, key: str | None = None
    ) -> requests.Response:
        """One API request with this stack's own bearer key. Safe from many threads."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        return self._http.post(f"{self.url}{path}", json=dict(body), headers=headers, timeout=30)

    @property
    def api_key(self) -> str:
        if self._key is None:
            with self.sessions.begin() as session:
                self._key = api_keys.create(session, "stack")[1]
        return self._key

    def journal(self) -> dict[str, Any]:
        """What really happened to the money."""
        told: dict[str, Any] = self._http.get(f"{self.gateway_url}/_sim/journal", timeout=30).json()
        return told

    def faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Make the gateway misbehave; an empty list ends it."""
        answer = self._http.post(
            f"{self.gateway_url}/_sim/faults", json={"rules": list(rules)}, timeout=30
        )
        answer.raise_for_status()

    def workers(self) -> list[dict[str, Any]]:
        """The worker processes that live, with how many payments each is working on now."""
        query = text(
            "SELECT w.pid, w.supervisor_pid, w.id,"
            " count(j.id) FILTER (WHERE j.kind = 'process_payment') AS payments"
            " FROM queue.workers w LEFT JOIN queue.jobs j"
            " ON j.worker_id = w.id AND j.state = 'executing'"
            " WHERE w.expires_at > now() GROUP BY w.id"
        )
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def kill_worker(self, *, busy: bool = True, timeout_s: float = 1.0) -> dict[str, Any] | None:
        """SIGKILL one worker process, if possible one that works on a payment. None: none lives."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = sorted(self.workers(), key=lambda worker: -worker["payments"])
            late = time.monotonic() > deadline
            if found and (found[0]["payments"] or not busy or late) and _kill(found[0]):
                return found[0]
            if late:
                return None
            time.sleep(0.002)

    def run_flask(self, *words: str) -> tuple[int, str]:
        """A command of the application in a process of its own: exit code and what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", APP, *words],
            env=self._env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def _settings(self) -> dict[str, str]:
        return {
            "APP_ENV": "development",
            "DATABASE_URL": self.database_url,
            "DATA_DIR": str(self.folder),
            "GATEWAY_URL": self.gateway_url,
            "GATEWAY_TIMEOUT_SECONDS": str(GATEWAY_TIMEOUT_S),
            "PUBLIC_URL": self.url,
            "SHUTDOWN_TIMEOUT_SECONDS": "3",
            "FLASK_SKIP_DOTENV": "1",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(ROOT),
        }

    def _make_parts(self, *, web: bool) -> list[Part]:
        flask = (sys.executable, "-m", "flask", "--app", APP)
        gateway = [*flask, "run-gateway", "--quiet", "--port", str(self._gateway_port)]
        workers = [*flask, "run-workers", "--processes", str(self.processes)]
        serve = [
            *(sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{self._web_port}"),
            *("--worker-class", "gthread", "--threads", str(WEB_THREADS), "--chdir", str(ROOT)),
            *("--graceful-timeout", "2", "--no-control-socket", self.web_app),
        ]
        parts = {"gateway": gateway, "workers": workers} | ({"web": serve} if web else {})
        return [
            Part(name, command, GRACE_S, self._env, self._lifeline, self._note)
            for name, command in parts.items()
        ]

    def _note(self, name: str, line: str) -> None:
        self.log.append(f"{name:<8}│ {line}")


def _kill(worker: Mapping[str, Any]) -> bool:
    """SIGKILL, unless the row is that of a dead process, whose number may be another's by now."""
    try:
        if parent_of(worker["pid"]) != worker["supervisor_pid"]:
            return False
        os.kill(worker["pid"], signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def wait_for(fact: Callable[[], object], what: str, stack: Stack) -> None:
    """Wait until a part answers; TimeoutError with the log's end when it ends first, or never."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    while not fact():
        if time.monotonic() > deadline or stack.ended():
            log = "\n".join(stack.log[-30:])
            raise TimeoutError(f"{what} did not start within {READY_TIMEOUT_S:g} s:\n{log}")
        time.sleep(0.05)
