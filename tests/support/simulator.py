"""The gateway simulator as a process: started, spoken to, killed and started again by tests.

The process ends with its standard input, so a killed test run leaves no gateway behind. Its folder
outlives it: ``kill()`` then ``start()`` is a gateway that lost power and came back.
"""

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

API_KEY = "sk_test_of_the_tests"
TIMEOUT_S = 70.0


class Simulator:
    """``with Simulator(folder) as it: StripeGateway(it.url, it.api_key)``."""

    def __init__(
        self, folder: Path, *, port: int = 0, webhook_url: str | None = None, **env: str
    ) -> None:
        self.folder = folder
        self.port = port
        self.api_key = API_KEY
        self._webhook_url = webhook_url
        self._env = env
        self._process: subprocess.Popen[str] | None = None
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()
        self._session.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the simulator is not running"
        return self._process.pid

    def start(self) -> Self:
        """Start, and return when it listens. A second start takes the same port and folder."""
        command = [sys.executable, "-m", "payments_app.gateway.simulator", "--quiet"]
        command += ["--die-with-stdin", "--port", str(self.port), "--data", str(self.folder)]
        if self._webhook_url is not None:
            command += ["--webhook-url", self._webhook_url]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **self._env},
        )
        assert self._process.stdout is not None
        # The first line is written once it listens; an end of file means that it could not.
        found = re.search(r":(\d+)$", self._process.stdout.readline().rstrip())
        assert found, f"the simulator did not start: exit code {self._process.wait()}"
        self.port = int(found[1])
        return self

    def stop(self) -> int:
        """End it as an operator does; its exit code."""
        return self._end("terminate")

    def kill(self) -> None:
        """SIGKILL: whatever was not committed is gone."""
        self._end("kill")

    def journal(self) -> dict[str, Any]:
        return self.get("/_sim/journal")

    def captures(self, payment: str | None = None) -> list[dict[str, Any]]:
        """What was really taken, for one payment or for all."""
        found = self.journal()["captures"]
        return [line for line in found if payment is None or line["payment"] == payment]

    def asked(self, op: str | None = None) -> list[dict[str, Any]]:
        return [line for line in self.journal()["requests"] if op is None or line["op"] == op]

    def faults(self, rules: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Replace all fault rules; an empty list clears them."""
        return self.control("faults", rules=list(rules))

    def advance(self, seconds: float) -> dict[str, Any]:
        return self.control("clock", advance_s=seconds)

    def reset(self) -> dict[str, Any]:
        return self.control("reset")

    def webhooks(self, **options: Any) -> dict[str, Any]:
        return self.control("webhooks", **options)

    def control(self, what: str, **body: Any) -> dict[str, Any]:
        """``POST /_sim/{what}``, which must answer 200."""
        response = self._session.post(f"{self.url}/_sim/{what}", json=body, timeout=TIMEOUT_S)
        assert response.status_code == 200, response.text
        return response.json()

    def newest_event(self, kind: str) -> dict[str, Any]:
        """The last event of this type, whether or not a webhook told of it."""
        events = self.get("/v1/events")["data"]
        return next(event for event in events if event["type"] == kind)

    def get(self, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.api_key}"}
        response = self._session.get(f"{self.url}{path}", headers=headers, timeout=TIMEOUT_S)
        assert response.status_code == 200, response.text
        return response.json()

    def post(
        self, path: str, form: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> requests.Response:
        """One raw request in Stripe's form encoding, on a connection of its own."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        with requests.Session() as session:
            session.trust_env = False
            return session.post(
                f"{self.url}{path}", data=dict(form or {}), headers=headers, timeout=TIMEOUT_S
            )

    def _end(self, how: str) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        getattr(process, how)()
        code = process.wait(timeout=5)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        return code
