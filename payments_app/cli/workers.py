"""``flask workers``: the worker processes of all nodes, and taking one out of service."""

from uuid import UUID

import click

from payments_app.cli.db import database, explained
from payments_app.cli.output import as_json_option, print_json, print_table
from payments_app.cli.selection import actor
from queue_core import control
from queue_core.store import Row

FIRST = ("id", "node", "pid", "supervisor_pid", "queues", "alive")


@click.group("workers")
def group() -> None:
    r"""Worker processes: list and drain.

    \b
    Examples:
      flask workers list --json
      flask workers drain --node web-1
    """


@group.command("list")
@as_json_option
def list_workers(*, as_json: bool) -> None:
    """List worker processes; one that has not renewed its lease in time is not alive."""
    with explained(), database().engine.connect() as connection:
        workers = control.list_workers(connection)
    if as_json:
        print_json([_shown(worker) for worker in workers])
        return
    print_table(
        ("id", "node", "pid", "supervisor", "alive", "draining", "executing", "queues", "since"),
        [
            (
                *(worker["id"], worker["node"], worker["pid"], worker["supervisor_pid"]),
                *(worker["alive"], worker["draining"], worker["executing"]),
                *(",".join(worker["queues"]), worker["started_at"]),
            )
            for worker in workers
        ],
        empty="No worker processes. `flask run-workers` starts some.",
    )


@group.command("drain")
@click.argument("ids", nargs=-1, type=click.UUID, metavar="[ID]...")
@click.option("--node", help="All worker processes of this node.")
@click.option("--undo", is_flag=True, help="Let them claim jobs again.")
@as_json_option
def drain(*, ids: tuple[UUID, ...], node: str | None, undo: bool, as_json: bool) -> None:
    """Let worker processes finish what they run, and start nothing more."""
    if not ids and node is None:
        raise click.UsageError("Give worker ids or --node; `flask workers list` shows both.")
    with explained(), database().engine.begin() as connection:
        count = control.drain_workers(connection, ids=ids, node=node, drain=not undo, actor=actor())
    if as_json:
        print_json({"count": count, "draining": not undo})
    elif count:
        what = "claims jobs again" if undo else "starts no more jobs"
        click.echo(f"Worker processes: {count}; each {what}.")
    if not count:
        raise click.ClickException("no such worker process. `flask workers list` shows them.")


def _shown(worker: Row) -> dict[str, object]:
    return {name: worker[name] for name in (*FIRST, *sorted(set(worker) - set(FIRST)))}
