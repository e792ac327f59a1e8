"""The gateway of a run: a process of its own, whose journal is the truth about money.

It ends with the process that started it, however that ends: its standard input is closed then.
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

PACKAGE = Path(__file__).parent.parent
APP = "payments_app:create_app(edges=False)"
API_KEY = "sk_test_of_the_lab"
HTTP_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0


class GatewayProcess:
    """The simulator on a free port. ``with GatewayProcess(folder) as gateway``."""

    api_key = API_KEY

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._http = requests.Session()
        self._http.trust_env = False

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "payments_app.gateway.simulator", "--quiet"]
        self._process = subprocess.Popen(
            [*command, "--die-with-stdin", "--port", "0", "--data", str(self.folder)],
            cwd=PACKAGE.parent,
            # `make run` gives its parts the shop's key; the lab's workers come with the lab's own.
            env={**os.environ, "GATEWAY_API_KEY": self.api_key},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        found = re.search(r":(\d+)$", self._process.stdout.readline().rstrip())
        if found is None:
            raise RuntimeError(f"the gateway did not start: exit code {self._process.wait()}")
        self.url = f"http://127.0.0.1:{found[1]}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._http.close()
        self._process.terminate()
        self._process.wait(STOP_TIMEOUT_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def journal(self) -> dict[str, Any]:
        """What really happened here: captures, refunds and every request."""
        return self._get("/_sim/journal")

    def now_s(self) -> float:
        """The gateway's own clock."""
        return float(self._get("/_sim/clock")["now_s"])

    def captures(self, payment_id: str) -> int:
        """How often money was really taken for this payment."""
        lines = self.journal()["captures"]
        return sum(line["payment"] == payment_id for line in lines)

    def reset(self, rules: Sequence[Mapping[str, Any]] = ()) -> None:
        """Forget everything, and take these fault rules."""
        self._post("/_sim/reset", {})
        self.faults(rules)

    def faults(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Take these fault rules instead of those in force."""
        self._post("/_sim/faults", {"rules": list(rules)})

    def faults_fired(self) -> int:
        return sum(int(rule["fired"]) for rule in self._get("/_sim/faults")["rules"])

    def webhooks(self, **options: object) -> None:
        """How events are sent, and where to."""
        self._post("/_sim/webhooks", options)

    def release(self) -> None:
        """Let the requests arrive that the network holds back."""
        self._post("/_sim/release", {})

    def advance(self, seconds: float) -> None:
        self._post("/_sim/clock", {"advance_s": seconds})

    def _get(self, path: str) -> dict[str, Any]:
        answer = self._http.get(f"{self.url}{path}", timeout=HTTP_TIMEOUT_S)
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def _post(self, path: str, body: Mapping[str, Any]) -> None:
        answer = self._http.post(f"{self.url}{path}", json=dict(body), timeout=HTTP_TIMEOUT_S)
        answer.raise_for_status()
