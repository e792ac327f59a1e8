"""``flask cron``: periodic jobs: what there is, what has fired, pause, resume, run now, remove."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from sqlalchemy import Connection

from payments_app.cli.db import database, explained
from payments_app.cli.output import as_json_option, print_json, print_table
from payments_app.cli.selection import actor
from queue_core import control
from queue_core.errors import QueueError
from queue_core.store import Row


@click.group("cron")
def group() -> None:
    r"""Periodic jobs: list, history, pause, resume, run now, remove.

    \b
    Examples:
      flask cron list
      flask cron runs reconcile --limit 10
      flask cron run reconcile
    """


@group.command("list")
@as_json_option
def list_entries(*, as_json: bool) -> None:
    """List periodic jobs with the time when each fires next."""
    with _ordered() as connection:
        entries = [_shown(row) for row in control.list_cron(connection)]
    if as_json:
        print_json(entries)
        return
    columns = ("name", "expression", "timezone", "kind", "catch_up", "paused", "next_at")
    print_table(
        columns,
        [tuple(entry[column] for column in columns) for entry in entries],
        empty="No periodic jobs. `flask run-workers` writes those that the code declares.",
    )


@group.command("runs")
@click.argument("name", required=False)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json_option
def list_runs(*, name: str | None, limit: int, as_json: bool) -> None:
    """Show what has fired, newest first: the time, and the job that it became."""
    with _ordered() as connection:
        runs = control.list_cron_runs(connection, name, limit=limit)
    if as_json:
        print_json(runs)
        return
    rows = [(run["name"], run["minute"], run["job_id"]) for run in runs]
    print_table(("name", "time", "job"), rows, empty="Nothing has fired.")


@group.command("pause")
@click.argument("name")
def pause(*, name: str) -> None:
    """Fire this one no more, on any node. What it misses is not caught up."""
    with _ordered() as connection:
        control.pause_cron(connection, name, actor=actor())
    click.echo(f"{name} is paused.")


@group.command("resume")
@click.argument("name")
def resume(*, name: str) -> None:
    """Fire this one again, from now on."""
    with _ordered() as connection:
        control.pause_cron(connection, name, paused=False, actor=actor())
    click.echo(f"{name} fires again.")


@group.command("run")
@click.argument("name")
@as_json_option
def run(*, name: str, as_json: bool) -> None:
    """Insert its job now, paused or not."""
    with _ordered() as connection:
        made = control.run_cron(connection, name, actor=actor())
    if as_json:
        print_json({"id": made.id, "conflict": made.conflict, "state": made.state})
    elif made.conflict:
        click.echo(f"Job {made.id} does this already ({made.state}); nothing was inserted.")
    else:
        click.echo(f"Job {made.id} inserted ({made.state}).")


@group.command("remove")
@click.argument("name")
def remove(*, name: str) -> None:
    """End a periodic job that the code no longer declares. Its history stays."""
    with _ordered() as connection:
        control.remove_cron(connection, name, actor=actor())
    click.echo(f"{name} is removed.")


def _shown(row: Row) -> dict[str, Any]:
    first = ("name", "expression", "timezone", "kind", "args", "options", "catch_up")
    shown = {name: row[name] for name in first}
    return {
        **shown,
        "declared": not row["dynamic"],
        "paused": row["paused_at"] is not None,
        "next_at": row["next_at"],
    }


@contextmanager
def _ordered() -> Iterator[Connection]:
    """One transaction; what the queue refuses comes back as a message."""
    try:
        with explained(), database().engine.begin() as connection:
            yield connection
    except QueueError as error:
        raise click.ClickException(str(error)) from None
