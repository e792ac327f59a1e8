"""The crash matrix on the lab's engine: every moment × every processor, really run, with progress.

Each cell is a run like any other, with a record that can be opened. The table is a file beside the
runs, written again after each cell, so that whoever looks sees how far it is; one that is cut off
says so. Until somebody makes one here, the table that is shipped with the project is shown.
"""

import json
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from payments_app.lab import provenance
from payments_app.lab.laboratory import Busy, Laboratory
from payments_app.lab.moments import COLUMNS, MOMENTS, Moment
from payments_app.lab.records import SHIPPED
from payments_app.lab.scenario import Expected, Hold, Scenario
from payments_app.lab.stage import Stage

# Cells at once. Each waits for time-outs and snoozes most of its time.
LANES = 3
USER = "crash matrix"
SHIPPED_TABLE = SHIPPED / "matrix.json"
ANYTHING = Expected("", None)


class Matrix:
    """The table of one lab. ``shown`` is what pages draw."""

    def __init__(self, lab: Laboratory) -> None:
        self._lab = lab
        self._file = lab.folder / "matrix.json"
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def is_under_way(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def shown(self) -> dict[str, Any]:
        """{status, made_at, commit, done, total, columns, rows: [{moment, says, cells}]}."""
        file = self._file if self._file.exists() else SHIPPED_TABLE
        told: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if told["status"] == "running" and not self.is_under_way:
            told["status"] = "interrupted"
        return told

    def run_again(self, *, moments: tuple[Moment, ...] = MOMENTS) -> None:
        """Begin a new table. Raises Busy while one is being made, RecordedOnly."""
        with self._lock:
            if self.is_under_way:
                raise Busy("the crash matrix")
            self._lab.refuse_if_recorded_only()
            table = _empty(moments, self._lab.now().isoformat())
            self._thread = threading.Thread(target=self._fill, args=(table, moments), daemon=True)
            self._write(table)
            self._thread.start()

    def wait(self) -> dict[str, Any]:
        if self._thread is not None:
            self._thread.join()
        return self.shown()

    def _fill(self, table: dict[str, Any], moments: tuple[Moment, ...]) -> None:
        rows = {row["moment"]: row["cells"] for row in table["rows"]}
        cells = [(moment, processor) for moment in moments for processor in COLUMNS]
        with ThreadPoolExecutor(LANES) as threads:
            for (moment, processor), run in zip(cells, threads.map(self._play, cells), strict=True):
                rows[moment.name][processor] = _cell(run)
                table["done"] += 1
                self._write(table)
        table["status"] = "ended"
        self._write(table)

    def _play(self, cell: tuple[Moment, str]) -> dict[str, Any]:
        moment, processor = cell
        user = f"{USER}: {moment.name}, {processor}"
        return self._lab.wait(self._lab.start(scenario_of(moment), [processor], user=user))[0]

    def _write(self, table: Mapping[str, Any]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".tmp")
        draft.write_text(json.dumps(table), encoding="utf-8")
        draft.replace(self._file)


def scenario_of(moment: Moment) -> Scenario:
    """A moment of the matrix as a scenario that the engine can play."""

    def story(stage: Stage) -> None:
        stage.shop.pay()
        if moment.point is not None:
            victim = stage.held(moment.point)
            if moment.forgets:
                stage.forget_keys()
            stage.kill(victim)
        elif moment.fault:
            stage.faults_fired(1)

    return Scenario(
        id=f"matrix-{moment.name}",
        number=0,
        title=moment.says,
        question=f"One payment: {moment.says}.",
        story=story,
        rules=tuple(moment.rules()),
        holds=(Hold(moment.point),) if moment.point else (),
        expected=dict.fromkeys(COLUMNS, ANYTHING),
        why={},
    )


def is_as_promised(table: Mapping[str, Any]) -> bool:
    """Ours passes everywhere, every fault fired, and each rival fails somewhere."""
    columns = {name: [row["cells"].get(name) for row in table["rows"]] for name in COLUMNS}
    every = [cell for cells in columns.values() for cell in cells]
    if any(cell is None or cell["verdict"] == "inconclusive" for cell in every):
        return False
    ours = columns.pop("idempotent")
    rivals_fail = all(any(not cell["ok"] for cell in cells) for cells in columns.values())
    return all(cell["ok"] for cell in ours) and rivals_fail


def _empty(moments: tuple[Moment, ...], made_at: str) -> dict[str, Any]:
    return {
        "status": "running",
        "made_at": made_at,
        "commit": provenance.commit(),
        "done": 0,
        "total": len(moments) * len(COLUMNS),
        "columns": list(COLUMNS),
        "rows": [{"moment": each.name, "says": each.says, "cells": {}} for each in moments],
    }


def _cell(run: Mapping[str, Any]) -> dict[str, Any]:
    return {name: run[name] for name in ("verdict", "captures", "ok", "id")}
