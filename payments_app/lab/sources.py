"""Where a run's events come from: workers' lines, the gateway's journal, committed rows.

Each source is asked again and again and gives what is new since the last time. Their clocks differ:
a worker's line carries the machine's monotonic clock, the journal the gateway's clock, a row the
database's. Each source knows the difference and gives monotonic seconds.
"""

import json
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from payments_app.lab.processes import GatewayProcess

Raw = tuple[float, dict[str, Any]]

# Rows become visible when they commit, not in the order of their numbers: look back this far.
LOOK_BACK = 400
SQL = Path(__file__).parent / "sql"


class WitnessFiles:
    """The lines that worker processes write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}

    def new(self) -> Iterator[Raw]:
        for path in sorted(self._folder.glob("witness-*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                for line in file:
                    if not line.endswith(b"\n"):
                        break  # Still being written: it is read whole the next time.
                    self._read[path] = self._read.get(path, 0) + len(line)
                    told = json.loads(line)
                    yield told.pop("t"), told


class Journal:
    """The gateway's requests, captures and refunds, in that order for one moment."""

    def __init__(self, gateway: GatewayProcess) -> None:
        self._gateway = gateway
        self._counts = {"requests": 0, "captures": 0, "refunds": 0}
        self.content: dict[str, Any] = {name: [] for name in self._counts}
        self.synchronize()

    def synchronize(self) -> None:
        """Learn how far the gateway's clock is from ours: at the start, and when it was moved."""
        before_s = time.monotonic()
        gateway_s = self._gateway.now_s()
        self._ahead_s = gateway_s - (before_s + time.monotonic()) / 2

    def new(self) -> Iterator[Raw]:
        self.content = self._gateway.journal()
        for name, known in self._counts.items():
            entries = self.content[name]
            for number, entry in enumerate(entries[known:], known + 1):
                at_s = datetime.fromisoformat(entry["at"]).timestamp() - self._ahead_s
                yield at_s, {"what": name, "number": number, **entry}
            self._counts[name] = len(entries)


class Books:
    """Committed rows: moves of aggregates, postings, mails."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._seen: set[str] = set()
        self._newest = 0
        self._query = text((SQL / "news.sql").read_text(encoding="utf-8"))
        with engine.connect() as connection:
            before_s = time.monotonic()
            now_s = float(connection.execute(text("SELECT extract(epoch FROM now())")).scalar_one())
            self._ahead_s = now_s - (before_s + time.monotonic()) / 2

    def new(self) -> Iterator[Raw]:
        with self._engine.connect() as connection:
            after = max(0, self._newest - LOOK_BACK)
            rows = connection.execute(self._query, {"after": after}).mappings().all()
        for row in rows:
            if row["ref"] in self._seen:
                continue
            self._seen.add(row["ref"])
            self._newest = max(self._newest, row["number"] or 0)
            yield float(row["at_s"]) - self._ahead_s, dict(row["told"]) | {"what": row["what"]}
