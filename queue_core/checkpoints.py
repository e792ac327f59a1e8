"""Named points at which a test may kill, hold, freeze or fail the process.

A promise about crashes is worth what its test can force. `reach("claim.committed")` does nothing,
unless the environment variable CHECKPOINTS held a plan when the process started:

    {"claim.committed": {"do": "kill", "nth": 2, "file": "/path/marker"}}

kill: SIGKILL to oneself, once per marker file across all processes. freeze: SIGSTOP, likewise.
error: raise RuntimeError, likewise. hold: write the file, wait until `file + ".go"` exists, at
most 60 s. A list of such rules does each at its own passing; one with `after` acts only once that
file exists: "kill the heir of the killed". Names say what has happened, so what follows is what the
kill prevents.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CHECKPOINTS: tuple[str, ...] = (
    "insert.written",  # the job row is written, the caller has not committed
    "claim.committed",  # rows are executing, no thread has them yet
    "job.started",  # the start is published, perform not yet entered
    "job.performed",  # perform has returned, nothing is settled
    "settle.begun",  # verdicts leave for the database
    "settle.committed",  # they are stored, nobody was told
    "complete.written",  # completed in the job's own transaction, not committed
    "complete.committed",
    "release.begun",  # held jobs are about to be given back
    "release.committed",
    "stage.committed",  # due jobs are available
    "reap.deleted",  # a dead worker's row is gone, its jobs are not released yet
    "renew.committed",  # the supervisor renewed its children
)

HOLD_TIMEOUT_S = 60.0

_extra: list[str] = []
_lock = threading.Lock()
_reached: dict[str, int] = {}
_plan: dict[str, Any] = json.loads(os.environ.get("CHECKPOINTS", "null")) or {}
_listeners: list[Callable[[str], None]] = []


def register(*names: str) -> None:
    """Applications name their own points here, so that crash tests can enumerate all."""
    _extra.extend(name for name in names if name not in names_known())


def names_known() -> tuple[str, ...]:
    return (*CHECKPOINTS, *_extra)


def arm(plan: dict[str, Any]) -> None:
    """Take this plan instead: for a process that was forked from one that had none."""
    _plan.clear()
    _plan.update(plan)
    _reached.clear()


def listen(listener: Callable[[str], None]) -> None:
    """Have each point told that this process and its later children pass, before it acts."""
    _listeners.append(listener)


def reach(name: str) -> None:
    for listener in _listeners:
        listener(name)
    if _plan and name in _plan:
        with _lock:
            passing = _reached[name] = _reached.get(name, 0) + 1
        planned = _plan[name]
        for rule in planned if isinstance(planned, list) else [planned]:
            due = "after" not in rule or Path(rule["after"]).exists()
            if due and passing == int(rule.get("nth", 1)):
                _act(name, rule)


def _act(name: str, rule: dict[str, Any]) -> None:
    marker = Path(rule["file"]) if "file" in rule else None
    if marker is not None and not _write_once(marker, name):
        return
    match rule["do"]:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "freeze":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "error":
            raise RuntimeError(f"checkpoint {name} was told to fail")
        case "hold":
            _hold(Path(f"{rule['file']}.go"))
        case other:
            raise ValueError(f"checkpoint {name}: do={other!r}; use kill, hold, freeze or error")


def _write_once(marker: Path, name: str) -> bool:
    try:
        handle = os.open(marker, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w") as file:
        file.write(f"{name} {os.getpid()}\n")
    return True


def _hold(go: Path) -> None:
    until = time.monotonic() + HOLD_TIMEOUT_S
    while not go.exists() and time.monotonic() < until:
        threading.Event().wait(0.005)
