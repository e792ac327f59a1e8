"""Which jobs a command means: ids, or a filter; and what a filter asks before it acts.

A verb that acts on a filter says first how many jobs that are and asks; ``--dry-run`` only counts,
``--yes`` is for scripts.
"""

import functools
import getpass
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import click
from sqlalchemy import Connection, Engine

from payments_app.cli.output import as_json_option, confirmed, counted, print_json
from queue_core.control import Changed, Filter
from queue_core.control.jobs import BULK_MAX
from queue_core.control.selection import ALL_STATES

# A bulk verb takes 10,000 jobs per transaction; a thousand rounds end any queue and any mistake.
ROUNDS_MAX = 1_000


class Verb(Protocol):
    """A verb of ``queue_core.control`` with its own options given already."""

    def __call__(self, target: Connection, which: Filter, *, dry_run: bool, actor: str) -> Changed:
        """Act on the jobs of ``which`` that allow it."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What was asked on the command line."""

    ids: tuple[int, ...]
    states: tuple[str, ...]
    queue: str | None
    kind: str | None
    tag: str | None
    dry_run: bool = False
    yes: bool = False

    @property
    def by_filter(self) -> bool:
        return bool(self.states or self.queue or self.kind or self.tag)

    @property
    def filter(self) -> Filter:
        return Filter(
            ids=self.ids or None,
            states=self.states or None,
            queue=self.queue,
            kind=self.kind,
            tag=self.tag,
        )


def filters(command: Callable[..., None]) -> Callable[..., None]:
    """The options that pick jobs."""
    options = (
        click.option(
            "--state",
            "states",
            multiple=True,
            type=click.Choice([str(state) for state in ALL_STATES]),
            help="Only jobs in this state; may be repeated.",
        ),
        click.option("--queue", help="Only jobs of this queue."),
        click.option("--kind", help="Only jobs of this kind, such as process_payment."),
        click.option("--tag", help="Only jobs with this tag."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def bulk(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every verb that changes jobs, given to it as one ``selection``."""

    @functools.wraps(command)
    def collected(
        *,
        ids: tuple[int, ...],
        states: tuple[str, ...],
        queue: str | None,
        kind: str | None,
        tag: str | None,
        dry_run: bool,
        yes: bool,
        **own: object,
    ) -> None:
        command(selection=Selection(ids, states, queue, kind, tag, dry_run, yes), **own)

    options = (
        click.argument("ids", nargs=-1, type=click.IntRange(min=1), metavar="[ID]..."),
        filters,
        click.option("--dry-run", is_flag=True, help="Only count what would be touched."),
        click.option("--yes", is_flag=True, help="Do not ask."),
        as_json_option,
    )
    for option in reversed(options):
        collected = option(collected)
    return collected


def act(engine: Engine, verb: Verb, selection: Selection, *, done: str, as_json: bool) -> None:
    """Carry a verb out and print what it did. Exit code 1 when a named job was not touched."""
    if not selection.ids and not selection.by_filter:
        raise click.UsageError("Give job ids, or a filter such as --state discarded.")
    with engine.connect() as connection:
        count = verb(connection, selection.filter, dry_run=True, actor=actor()).count
    if selection.dry_run:
        _report(count, "would be " + done, Changed((), {}, dry_run=True), as_json=as_json)
        return
    if selection.by_filter and count:
        more = "at least " if count == BULK_MAX else ""
        question = f"{more}{counted(count, 'job')} will be {done}. Go on?"
        if not confirmed(question, yes=selection.yes):
            raise click.Abort
    changed = _in_rounds(engine, verb, selection.filter)
    _report(changed.count, done, changed, as_json=as_json)
    missed = sorted(set(selection.ids) - set(changed.ids))
    if missed:
        raise click.ClickException(_why_not(missed, changed, done))


def actor() -> str:
    """Who is at the command line, for the operators' log."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # A container's user without a name.
        return "cli"


def _in_rounds(engine: Engine, verb: Verb, which: Filter) -> Changed:
    ids: list[int] = []
    skipped: dict[int, str] = {}
    for _ in range(ROUNDS_MAX):
        with engine.begin() as connection:
            changed = verb(connection, which, dry_run=False, actor=actor())
        ids += changed.ids
        skipped |= changed.skipped
        if changed.count < BULK_MAX:
            break
    return Changed(tuple(ids), skipped)


def _report(count: int, done: str, changed: Changed, *, as_json: bool) -> None:
    if as_json:
        skipped = {str(job_id): why for job_id, why in changed.skipped.items()}
        print_json(
            {
                "count": count,
                "dry_run": changed.dry_run,
                "ids": list(changed.ids),
                "skipped": skipped,
            }
        )
    else:
        click.echo(f"{counted(count, 'job')} {done}.")


def _why_not(missed: list[int], changed: Changed, done: str) -> str:
    usual = f"there is no such job, or its state does not allow it to be {done}; see jobs show"
    return "\n".join(f"job {job_id}: {changed.skipped.get(job_id, usual)}" for job_id in missed)
