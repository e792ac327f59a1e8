"""``flask jobs``: what an operator does with jobs: look, retry, cancel, delete, insert, run now."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import click

import queue_core
from payments_app.cli.db import database, explained
from payments_app.cli.doctor import doctor
from payments_app.cli.job_args import KINDS, parse_args
from payments_app.cli.output import as_json_option, print_json, print_table
from payments_app.cli.selection import Selection, Verb, act, bulk, filters
from queue_core import control
from queue_core.errors import QueueError
from queue_core.store import Row

LIST_MAX = 10_000


@click.group("jobs")
def group() -> None:
    r"""Jobs: look at them, retry, cancel, delete, update, insert.

    \b
    Examples:
      flask jobs list --state discarded --limit 20
      flask jobs show 42 --json
      flask jobs retry --kind send_email --state discarded --dry-run
      flask jobs doctor
    """


group.add_command(doctor)


@group.command("list")
@filters
@click.option(
    "--limit", type=click.IntRange(1, LIST_MAX), default=50, show_default=True, help="How many."
)
@click.option("--before", type=click.IntRange(min=1), help="Only jobs with a smaller id: go on.")
@as_json_option
def list_jobs(
    *,
    states: tuple[str, ...],
    queue: str | None,
    kind: str | None,
    tag: str | None,
    limit: int,
    before: int | None,
    as_json: bool,
) -> None:
    """List jobs, newest first, finished ones included."""
    which = Selection((), states, queue, kind, tag).filter
    with _asked(), database().engine.connect() as connection:
        found = control.list_jobs(connection, which, limit=limit, before_id=before)
    if as_json:
        print_json([_shown(job) for job in found])
        return
    print_table(
        ("id", "kind", "queue", "state", "attempt", "lease", "scheduled", "errors"),
        [
            (
                *(job["id"], job["kind"], job["queue"], job["state"]),
                f"{job['attempt']}/{job['max_attempts']}",
                *(job["lease"], job["scheduled_at"], len(job["errors"]) or ""),
            )
            for job in found
        ],
        empty="No jobs.",
    )


@group.command("show")
@click.argument("id", type=click.IntRange(min=1))
@as_json_option
def show_job(*, id: int, as_json: bool) -> None:
    """Show one job with its arguments and the errors of its runs."""
    with _asked(), database().engine.connect() as connection:
        job = control.show_job(connection, id)
    if job is None:
        raise click.ClickException(f"job {id} does not exist. `flask jobs list` shows the newest.")
    shown = _shown(job)
    if as_json:
        print_json(shown)
        return
    plain = {name: value for name, value in shown.items() if name not in {"errors", "attempts"}}
    print_table(("field", "value"), [(n, _compact(v)) for n, v in plain.items()], empty="")
    for error in shown["errors"]:
        click.echo(f"error: {error.get('kind')}: {error.get('message')}")


@group.command("retry")
@bulk
@click.option(
    "--attempts", type=click.IntRange(min=1), default=1, show_default=True, help="More attempts."
)
def retry(*, selection: Selection, as_json: bool, attempts: int) -> None:
    r"""Give finished jobs a new life, or make waiting ones run now.

    \b
    Examples:
      flask jobs retry 42 43 --attempts 3
      flask jobs retry --state discarded --queue emails --yes
    """
    _act(partial(control.retry, attempts=attempts), selection, done="retried", as_json=as_json)


@group.command("cancel")
@bulk
@click.option("--reason", default="cancelled by an operator", show_default=True)
def cancel(*, selection: Selection, as_json: bool, reason: str) -> None:
    """Cancel jobs: waiting ones end now, running ones are asked to stop.

    Cancelling the job of a payment does not cancel the payment: the janitor makes the job again.
    Use the payment's own cancel for that.
    """
    _act(partial(control.cancel, reason=reason), selection, done="cancelled", as_json=as_json)


@group.command("delete")
@bulk
def delete(*, selection: Selection, as_json: bool) -> None:
    """Delete waiting and finished jobs for good. A running one must be cancelled first."""
    _act(control.delete, selection, done="deleted", as_json=as_json)


@group.command("run-now")
@bulk
def run_now(*, selection: Selection, as_json: bool) -> None:
    """Make scheduled, retryable and suspended jobs run at once."""
    _act(control.run_now, selection, done="made due", as_json=as_json)


@group.command("update")
@bulk
@click.option("--priority", type=click.IntRange(0, 9), help="0 is first.")
@click.option("--max-attempts", type=click.IntRange(min=1))
@click.option("--tag-with", "tags", multiple=True, help="The job's tags from now on.")
def update(
    *,
    selection: Selection,
    as_json: bool,
    priority: int | None,
    max_attempts: int | None,
    tags: tuple[str, ...],
) -> None:
    r"""Change waiting jobs.

    \b
    Example:
      flask jobs update --kind send_email --priority 0 --dry-run
    """
    if priority is None and max_attempts is None and not tags:
        raise click.UsageError("Give --priority, --max-attempts or --tag-with.")
    change = partial(
        control.update, priority=priority, max_attempts=max_attempts, tags=tags or None
    )
    _act(change, selection, done="changed", as_json=as_json)


@group.command("insert")
@click.argument("kind", type=click.Choice(sorted(KINDS)))
@click.option("--args", "args_text", default="{}", help="The job's arguments, a JSON object.")
@click.option("--schedule-in", type=click.FloatRange(min=0), help="Seconds from now.")
@click.option("--priority", type=click.IntRange(0, 9), help="0 is first.")
@click.option("--max-attempts", type=click.IntRange(min=1))
@click.option("--tag", "tags", multiple=True)
@as_json_option
def insert(
    *,
    kind: str,
    args_text: str,
    as_json: bool,
    tags: tuple[str, ...],
    **options: float | None,
) -> None:
    r"""Insert a job. A unique one that waits already is not inserted twice.

    \b
    Example:
      flask jobs insert process_payment --args '{"payment_id": "pay_…"}'
    """
    args = parse_args(kind, args_text)
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    if tags:
        given["tags"] = tags
    with _asked(), database().engine.begin() as connection:
        made = queue_core.insert(connection, args, **given)
    if as_json:
        print_json({"id": made.id, "conflict": made.conflict, "state": made.state})
    elif made.conflict:
        click.echo(f"Job {made.id} does this already ({made.state}); nothing was inserted.")
    else:
        click.echo(f"Job {made.id} inserted ({made.state}).")


def _act(verb: Verb, selection: Selection, *, done: str, as_json: bool) -> None:
    with _asked():
        act(database().engine, verb, selection, done=done, as_json=as_json)


def _shown(job: Row) -> dict[str, Any]:
    first = ("id", "kind", "queue", "state", "attempt", "max_attempts", "lease", "scheduled_at")
    rest = sorted(set(job) - {*first, "errors", "error"})
    shown = {name: job[name] for name in (*first, "errors", *rest)}
    # Their errors are in `errors`: a traceback is long enough once.
    shown["attempts"] = [{k: v for k, v in run.items() if k != "error"} for run in job["attempts"]]
    return shown


def _compact(value: object) -> object:
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, default=str)
    return value


@contextmanager
def _asked() -> Iterator[None]:
    """What the queue refuses comes back as a message."""
    try:
        with explained():
            yield
    except QueueError as error:
        raise click.ClickException(str(error)) from None
