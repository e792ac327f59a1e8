"""``flask jobs doctor``: what makes the queue slow or still, and what to do about it.

Exit code 1 when something is wrong, so that a monitor needs no more than to call it. It asks and
changes nothing, also while the queue is at its worst.
"""

import sys
from dataclasses import asdict

import click

from payments_app.cli.db import database, explained
from payments_app.cli.output import as_json_option, print_json
from queue_core import doctor as examination
from queue_core.doctor import Finding


@click.command("doctor")
@as_json_option
def doctor(*, as_json: bool) -> None:
    r"""Examine the queue: workers, leader, tables, snapshots, clocks, connections.

    Exit code 1 when something is wrong; each finding says what to do.

    \b
    Examples:
      flask jobs doctor
      flask jobs doctor --json
    """
    with explained(), database().engine.connect() as connection:
        findings = examination.examine(connection)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in findings:
            _print(finding)
    sys.exit(any(finding.wrong for finding in findings))


def _print(finding: Finding) -> None:
    mark = click.style("wrong", fg="red", bold=True) if finding.wrong else "ok   "
    click.echo(f"{mark}  {finding.check}: {finding.message}")
    if finding.wrong:
        click.echo(f"       → {finding.advice}")
