"""Where runs are kept: a folder per run with what it is and, line by line, what happened.

Files and not a table, for two reasons. The lab must not be able to touch business data, and what
writes no table there cannot. And an appended file is an event log already: any process of this
machine follows it from the last number that it has, so two viewers, a permalink and the command
line see the same lines. The folder is locked while the run is under way; the kernel frees the lock
of a process that died, so a run that was cut off is known as such.
"""

import fcntl
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from payments_app.lab.event import Event

RUN_ID = re.compile(r"run_[0-9a-f]{16}")
KEEP_FOR = timedelta(hours=24)
SHIPPED = Path(__file__).parent / "recorded"


class UnknownRun(LookupError):
    """There is no such run: it was never made, or it was removed after 24 hours."""


class Records:
    """The runs under one folder, and those that are shipped with the project."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, told: Mapping[str, Any]) -> str:
        run_id = f"run_{secrets.token_hex(8)}"
        self.folder(run_id).mkdir(parents=True)
        self._events_file(run_id).touch()
        self._write(run_id, {"id": run_id, **told})
        return run_id

    def folder(self, run_id: str) -> Path:
        if not RUN_ID.fullmatch(run_id):
            raise UnknownRun(run_id)
        return self._folder / run_id

    @contextmanager
    def under_way(self, run_id: str) -> Iterator[None]:
        """Hold the run's lock: without it, a run that has not ended was cut off."""
        name = self.folder(run_id) / "lock"
        draft = name.with_suffix(".tmp")
        with draft.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Seen only when it is held: one that is there and free means that the holder is dead.
            draft.replace(name)
            yield

    def append(self, run_id: str, events: Iterable[Event]) -> None:
        text = "".join(json.dumps(event.as_json(), default=str) + "\n" for event in events)
        with self._events_file(run_id).open("a", encoding="utf-8") as file:
            file.write(text)

    def update(self, run_id: str, **values: object) -> None:
        self._write(run_id, {**self._read(run_id), **values})

    def run(self, run_id: str, *, with_events: bool = True) -> dict[str, Any]:
        """Everything about one run, as JSON values. Raises UnknownRun."""
        shipped = SHIPPED / f"{run_id}.json"
        if RUN_ID.fullmatch(run_id) and shipped.exists():
            told: dict[str, Any] = json.loads(shipped.read_text(encoding="utf-8"))
            return told if with_events else {**told, "events": []}
        told = self._read(run_id)
        if told["status"] == "running" and self._is_abandoned(run_id):
            # Or it has ended between the two looks: then the file says so by now.
            told = self._read(run_id)
            if told["status"] == "running":
                told["status"] = "interrupted"
        return {**told, "events": self.events(run_id) if with_events else []}

    def events(self, run_id: str, *, after: int = 0) -> list[dict[str, Any]]:
        """The events with a greater ``seq``, in order. Raises UnknownRun."""
        if (SHIPPED / f"{run_id}.json").exists():
            told = self.run(run_id)["events"]
        else:
            self._read(run_id)
            lines = self._events_file(run_id).read_bytes().split(b"\n")
            told = [json.loads(line) for line in lines[:-1] if line]
        return [event for event in told if event["seq"] > after]

    def runs(self) -> list[dict[str, Any]]:
        """All runs without their events, the newest first; then those that were shipped."""
        found = [path.name for path in self._folder.glob("run_*") if RUN_ID.fullmatch(path.name)]
        own = [self.run(name, with_events=False) for name in found]
        own.sort(key=lambda run: (run["started_at"], run["id"]), reverse=True)
        return own + self.shipped()

    def shipped(self) -> list[dict[str, Any]]:
        names = sorted(path.stem for path in SHIPPED.glob("run_*.json"))
        return [self.run(name, with_events=False) for name in names]

    def clean(self, now: datetime) -> list[str]:
        """Remove runs older than a day; their ids."""
        before = now - KEEP_FOR
        old = [
            run["id"]
            for run in self.runs()
            if not run.get("recorded")
            and datetime.fromisoformat(run["started_at"]) < before
            and run["status"] != "running"
        ]
        for run_id in old:
            shutil.rmtree(self.folder(run_id), ignore_errors=True)
        return old

    def _events_file(self, run_id: str) -> Path:
        return self.folder(run_id) / "events.jsonl"

    def _read(self, run_id: str) -> dict[str, Any]:
        try:
            text = (self.folder(run_id) / "run.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise UnknownRun(run_id) from None
        told: dict[str, Any] = json.loads(text)
        return told

    def _write(self, run_id: str, told: Mapping[str, Any]) -> None:
        """Whole or not at all: a reader never meets half a file."""
        target = self.folder(run_id) / "run.json"
        draft = target.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(json.dumps(told, default=str), encoding="utf-8")
        draft.replace(target)

    def _is_abandoned(self, run_id: str) -> bool:
        try:
            with (self.folder(run_id) / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return False
        return True
