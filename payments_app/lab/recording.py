"""``python -m payments_app.lab.recording --server URL``: makes the runs that are shipped.

Deployments on which nothing may be run show these: each scenario for naive and for ours, and the
crash matrix, labelled with date and commit. They are runs like any other, and are made by running.
"""

import json
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from payments_app.lab import catalogue
from payments_app.lab.laboratory import Laboratory
from payments_app.lab.matrix import Matrix, is_as_promised
from payments_app.lab.moments import IDEMPOTENT
from payments_app.lab.processes import PACKAGE
from payments_app.lab.records import SHIPPED

SIDE_BY_SIDE = ("naive", IDEMPOTENT)
COMMAND = "python -m payments_app.lab.recording"
PAGE = PACKAGE.parent / "docs" / "crash-matrix.md"
README = PACKAGE.parent / "README.md"
# Between these two lines the README shows the table.
BEGIN, END = "<!-- the crash matrix -->\n", "<!-- the end of the crash matrix -->\n"
# The storm's thousand lines tell less than its marks.
EVENTS_MAX = 300


@click.command()
@click.option("--server", required=True, metavar="URL", help="A PostgreSQL to make databases on.")
@click.option("--matrix/--no-matrix", default=True, show_default=True)
def main(*, server: str, matrix: bool) -> None:
    """Exit code 0: everything came out as expected, and was written."""
    with TemporaryDirectory(prefix="lab-recording-") as folder:
        lab = Laboratory(Path(folder), lambda: server)
        try:
            runs = [run for each in catalogue.SCENARIOS for run in _play(lab, each.id)]
            table = _table(lab) if matrix else None
        finally:
            lab.close()
    good = all(run["as_expected"] for run in runs) and (table is None or is_as_promised(table))
    if good:
        _write(runs, table)
    sys.exit(0 if good else 1)


def _play(lab: Laboratory, scenario: str) -> list[dict[str, Any]]:
    runs = lab.wait(lab.start(scenario, SIDE_BY_SIDE, user=scenario))
    for run in runs:
        click.echo(f"{run['scenario']:<22} {run['processor']:<12} {run['verdict']}", err=True)
    return runs


def _table(lab: Laboratory) -> dict[str, Any]:
    matrix = Matrix(lab)
    matrix.run_again()
    table = matrix.wait()
    for row in table["rows"]:
        click.echo(f"{row['moment']:<22} {row['cells']}", err=True)
    return table


def _write(runs: list[dict[str, Any]], table: dict[str, Any] | None) -> None:
    SHIPPED.mkdir(exist_ok=True)
    for old in SHIPPED.glob("run_*.json"):
        old.unlink()
    for run in runs:
        label = {"at": run["started_at"], "commit": run["commit"]}
        shown = {**run, "recorded": label, "events": run["events"][:EVENTS_MAX], "user": ""}
        (SHIPPED / f"{run['id']}.json").write_text(_compact(shown), encoding="utf-8")
    if table is not None:
        # Its cells' runs are not shipped.
        for row in table["rows"]:
            for cell in row["cells"].values():
                cell["id"] = None
        (SHIPPED / "matrix.json").write_text(_compact(table), encoding="utf-8")
        PAGE.write_text(as_page(table), encoding="utf-8")
        readme = README.read_text(encoding="utf-8")
        README.write_text(with_table(readme, table), encoding="utf-8")


def with_table(readme: str, table: Mapping[str, Any]) -> str:
    """The README, with this crash matrix at its place."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + as_markdown(table) + END + after


def as_page(table: Mapping[str, Any]) -> str:
    """The crash matrix as a page of the documentation."""
    made_at = datetime.fromisoformat(table["made_at"]).strftime("%Y-%m-%d %H:%M UTC")
    lines = [
        "# What a crash does to a charge",
        "",
        "Each cell is one payment, really run: the worker process was killed with SIGKILL at",
        "that moment (or the gateway lost its answer), and everything was left alone until",
        "nothing changed any more. ✓: the gateway's journal has exactly one capture, and our",
        "books know it. ✗: what became of the money instead.",
        "",
        f"Made by `python -m payments_app.lab.recording` on {made_at} at commit {table['commit']}.",
    ]
    return "\n".join(lines) + "\n\n" + as_markdown(table)


def as_markdown(table: Mapping[str, Any]) -> str:
    columns = table["columns"]
    lines = [
        "| the trouble | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for row in table["rows"]:
        marks = (row["cells"][name] for name in columns)
        cells = (f"{'✓' if mark['ok'] else '✗'} {mark['verdict']}" for mark in marks)
        lines.append(f"| {row['says']} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), default=str) + "\n"


if __name__ == "__main__":
    main()
