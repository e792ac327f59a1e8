"""``flask queues``: what an operator wants of the queues, effective on running nodes in a second.

The wish is a row, so it holds across restarts, and until ``reset`` gives the configured value back.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from sqlalchemy import Connection

from payments_app.cli.db import database, explained
from payments_app.cli.output import as_json_option, print_json, print_table
from payments_app.cli.selection import actor
from payments_app.jobs import QUEUES
from queue_core import control
from queue_core.errors import QueueError
from queue_core.lifecycle import UNFINISHED
from queue_core.settings import PROCESS_LIMIT_MAX, QueueSettings
from queue_core.store import Row

LIMIT = click.IntRange(1, PROCESS_LIMIT_MAX)


@click.group("queues")
def group() -> None:
    r"""Queues: list, pause, resume, scale, reset.

    \b
    Examples:
      flask queues list
      flask queues pause emails
      flask queues scale payments 20 --global-limit 40
      flask queues scale emails --rate 25/1
    """


@group.command("list")
@as_json_option
def list_queues(*, as_json: bool) -> None:
    """List queues with their limits and how many jobs each has per state."""
    with _ordered() as connection:
        queues = [_shown(queue) for queue in control.list_queues(connection)]
    if as_json:
        print_json(queues)
        return
    states = [str(state) for state in UNFINISHED]
    print_table(
        ("queue", "limit", "global", "paused", *states),
        [
            (
                *(queue["name"], queue["limit"], queue["global_limit"], queue["paused"]),
                *(queue["counts"].get(state, 0) for state in states),
            )
            for queue in queues
        ],
        empty="No queues. `flask db upgrade` makes them.",
    )


@group.command("pause")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@as_json_option
def pause(*, names: tuple[str, ...], as_json: bool) -> None:
    """Start no more jobs of these queues; running ones end."""
    _change(names, control.pause_queue, done="paused", as_json=as_json)


@group.command("resume")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@as_json_option
def resume(*, names: tuple[str, ...], as_json: bool) -> None:
    """Start jobs of these queues again."""
    _change(names, control.resume_queue, done="resumed", as_json=as_json)


@group.command("scale")
@click.argument("name")
@click.argument("limit", type=LIMIT, required=False)
@click.option("--global-limit", type=LIMIT, help="At once over all nodes.")
@click.option("--no-global-limit", is_flag=True, help="Remove the limit over all nodes.")
@click.option("--rate", metavar="N/SECONDS", help="At most N starts per so many seconds, 25/1.")
@click.option("--no-rate", is_flag=True, help="Remove the rate.")
@as_json_option
def scale(
    *,
    name: str,
    limit: int | None,
    global_limit: int | None,
    no_global_limit: bool,
    rate: str | None,
    no_rate: bool,
    as_json: bool,
) -> None:
    """Set how many jobs of a queue run at once: LIMIT in each worker process."""
    if global_limit is not None and no_global_limit:
        raise click.UsageError("--global-limit and --no-global-limit exclude each other.")
    if rate is not None and no_rate:
        raise click.UsageError("--rate and --no-rate exclude each other.")
    starts = None if rate is None else _rate(rate)
    if limit is None and global_limit is None and starts is None and not no_global_limit | no_rate:
        raise click.UsageError("Give LIMIT, for example `queues scale payments 20`.")

    def change(connection: Connection, queue: str, *, actor: str) -> None:
        control.scale_queue(
            connection,
            queue,
            limit,
            global_limit=global_limit,
            no_global_limit=no_global_limit,
            rate=starts,
            no_rate=no_rate,
            actor=actor,
        )

    _change((name,), change, done="scaled", as_json=as_json)


@group.command("reset")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@as_json_option
def reset(*, names: tuple[str, ...], as_json: bool) -> None:
    """Drop what operators changed: back to the limits that the code configures."""
    unknown = sorted(set(names) - set(QUEUES))
    if unknown:
        known = ", ".join(QUEUES)
        raise click.BadParameter(
            f"{unknown[0]} is not configured; configured are {known}.", param_hint="NAME"
        )

    def change(connection: Connection, queue: str, *, actor: str) -> None:
        control.reset_queue(connection, QueueSettings.parse(queue, QUEUES[queue]), actor=actor)

    _change(names, change, done="reset", as_json=as_json)


def _change(names: tuple[str, ...], verb: Callable[..., None], *, done: str, as_json: bool) -> None:
    with _ordered() as connection:
        # All or none: a misspelt second name leaves the first queue as it was.
        for name in names:
            verb(connection, name, actor=actor())
        queues = [q for q in control.list_queues(connection) if q["name"] in names]
    if as_json:
        print_json([_shown(queue) for queue in queues])
        return
    for queue in queues:
        limit = f"limit {queue['process_limit']}"
        state = "paused" if queue["paused"] else "running"
        click.echo(f"Queue {queue['name']} {done}: {limit}, {state}.")


def _rate(text: str) -> tuple[int, float]:
    starts, _, seconds = text.partition("/")
    try:
        return int(starts), float(seconds)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no rate. Right: 25/1, or 100/60 for 100 a minute.", param_hint="--rate"
        ) from None


def _shown(queue: Row) -> dict[str, Any]:
    rate = [queue["rate_starts"], queue["rate_period_s"]] if queue["rate_starts"] else None
    return {
        "name": queue["name"],
        "limit": queue["process_limit"],
        "global_limit": queue["global_limit"],
        "rate": rate,
        # The argument for whose every value global limit and rate count apart; null: for the queue.
        "limits_per_argument": queue["limit_key_field"],
        "paused": queue["paused"],
        "paused_at": queue["paused_at"],
        "updated_at": queue["updated_at"],
        "counts": queue["counts"],
    }


@contextmanager
def _ordered() -> Iterator[Connection]:
    """One transaction; what the queue refuses comes back as a message."""
    try:
        with explained(), database().engine.begin() as connection:
            yield connection
    except QueueError as error:
        raise click.ClickException(str(error)) from None
