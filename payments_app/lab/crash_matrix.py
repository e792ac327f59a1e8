"""``python -m payments_app.lab.crash_matrix``: every moment × every processor, really run.

Prints a table in Markdown, or writes it with ``--write``, with the commit and the time it was made
on. Each cell is a trial of its own: a fresh database, a worker process that is really killed, and
the captures as the gateway's journal has them.
"""

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue

import click
import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from payments_app import embedded_postgres
from payments_app.lab import trial
from payments_app.lab.moments import BY_NAME, COLUMNS, IDEMPOTENT, MOMENTS, Moment
from payments_app.lab.processes import APP, PACKAGE, GatewayProcess
from payments_app.lab.trial import Result

# Trials at once: each waits for leases and time-outs most of its time.
LANES = 3
TEMPLATE = "crash_matrix_template"
# What is thrown away afterwards need not survive a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
Results = Mapping[tuple[str, str], Result]


@click.command()
@click.option("--write", type=click.Path(path_type=Path), help="File for the table.")
@click.option("--moment", "moments", multiple=True, type=click.Choice(list(BY_NAME)))
@click.option("--processor", "columns", multiple=True, type=click.Choice(COLUMNS))
@click.option("--lanes", type=click.IntRange(1, 16), default=LANES, show_default=True)
@click.option("--server", metavar="URL", help="A PostgreSQL to make databases on. Default: own.")
def main(
    *,
    write: Path | None,
    moments: tuple[str, ...],
    columns: tuple[str, ...],
    lanes: int,
    server: str | None,
) -> None:
    """Kill workers at every moment and count what was taken.

    Exit code 0: the idempotent processor took the money once in every trial, no trial was
    inconclusive, and every other processor failed somewhere.
    """
    rows = [BY_NAME[name] for name in moments] or list(MOMENTS)
    picked = columns or COLUMNS
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crash-matrix-")))
        admin = server or stack.enter_context(_own_server(folder / "postgres"))
        with template(admin) as made_at:
            results = play(admin, folder, rows, picked, lanes=lanes)
    table = as_markdown(results, rows, picked, made_at=made_at, commit=_commit())
    if write is None:
        click.echo(table, nl=False)
    else:
        write.write_text(table, encoding="utf-8")
    sys.exit(0 if is_as_promised(results, picked) else 1)


def play(
    admin: str, folder: Path, rows: Sequence[Moment], columns: Sequence[str], *, lanes: int
) -> Results:
    """Every trial, ``lanes`` at a time, each lane with a gateway of its own."""
    free: SimpleQueue[GatewayProcess] = SimpleQueue()
    said = threading.Lock()

    def one(cell: tuple[Moment, str]) -> Result:
        moment, processor = cell
        name = f"crash_matrix_{moment.name}_{processor}".replace("-", "_")
        gateway = free.get()
        try:
            with _clone(admin, name) as url:
                result = trial.run(url, gateway, folder / name, processor, moment)
        finally:
            free.put(gateway)
        with said:
            click.echo(f"{moment.name:<16} {processor:<12} {result.verdict}", err=True)
        return result

    with ExitStack() as stack:
        for lane in range(lanes):
            free.put(stack.enter_context(GatewayProcess(folder / f"gateway-{lane}")))
        cells = [(moment, processor) for moment in rows for processor in columns]
        with ThreadPoolExecutor(lanes) as pool:
            return {(each.moment, each.processor): each for each in pool.map(one, cells)}


def is_as_promised(results: Results, columns: Sequence[str]) -> bool:
    """Ours passes every trial; a rival that passes all of them says the trials are too weak."""
    every = {name: [r for r in results.values() if r.processor == name] for name in columns}
    ours = all(result.ok for result in every.pop(IDEMPOTENT, []))
    fired = all(result.happened for result in results.values())
    return ours and fired and all(any(not r.ok for r in column) for column in every.values())


def as_markdown(
    results: Results, rows: Sequence[Moment], columns: Sequence[str], *, made_at: str, commit: str
) -> str:
    lines = [
        "# What a crash does to a charge",
        "",
        "Each cell is one payment, really run: the worker process was killed with SIGKILL at",
        "that moment (or the gateway lost its answer), everything was started again and left",
        "alone until nothing changed any more. ✓: the gateway's journal has exactly one capture",
        "and our books know it. ✗: what became of the money instead.",
        "",
        f"Made by `python -m payments_app.lab.crash_matrix` on {made_at} at commit {commit}.",
        "",
        "| the trouble | " + " | ".join(columns) + " |",
        "|---|" + "---|" * len(columns),
    ]
    for moment in rows:
        cells = (_cell(results[moment.name, name]) for name in columns)
        lines.append(f"| {moment.says} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(result: Result) -> str:
    if not result.happened:
        return f"? {result.verdict}"
    return f"{'✓' if result.ok else '✗'} {result.verdict}"


@contextmanager
def _own_server(folder: Path) -> Iterator[str]:
    try:
        with embedded_postgres.server(folder, settings=FAST) as url:
            yield url
    finally:
        embedded_postgres.remove(folder)


@contextmanager
def template(admin: str) -> Iterator[str]:
    """A database with the whole schema to clone from; gives the time by the server's clock."""
    with _clone(admin, TEMPLATE, template="template1") as url:
        command = [sys.executable, "-m", "flask", "--app", APP, "db", "upgrade"]
        env = {**os.environ, "DATABASE_URL": url, "APP_ENV": "test", "FLASK_SKIP_DOTENV": "1"}
        subprocess.run(command, cwd=PACKAGE.parent, env=env, check=True, stdout=subprocess.DEVNULL)
        with psycopg.connect(_plain(url)) as connection:
            row = connection.execute("SELECT to_char(now(), 'YYYY-MM-DD HH24:MI TZ')").fetchone()
        yield str(row[0]) if row else ""


@contextmanager
def _clone(admin: str, name: str, *, template: str = TEMPLATE) -> Iterator[str]:
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    make = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with psycopg.connect(_plain(admin), autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(make.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield make_url(admin).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(_plain(admin), autocommit=True) as connection:
            connection.execute(drop)


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _commit() -> str:
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
