"""``flask audit``: does what we believe agree with what the gateway says happened?"""

import sys

import click
from flask import current_app
from sqlalchemy.orm import Session, sessionmaker

from payments_app import audit as invariants
from payments_app.audit import Finding
from payments_app.cli.db import database, explained
from payments_app.cli.output import as_json_option, print_json, print_table
from payments_app.config import Config

EXIT_FAILED = 1
# Nothing was found wrong, but not everything could be looked at: that is no clean audit either.
EXIT_INCOMPLETE = 3


class NothingLookedAt(click.ClickException):
    """The database could not be reached: not the exit code of an invariant that fails."""

    exit_code = EXIT_INCOMPLETE


@click.command("audit")
@as_json_option
def audit(*, as_json: bool) -> None:
    r"""Check the invariants I1 to I12 on live data.

    I1 to I4 compare payments, refunds and the ledger with the gateway's journal at GATEWAY_URL;
    the others recompute stored figures from their rows. Payments on their way are left out where an
    invariant speaks of payments at rest, so this may run at any time.

    \b
    Exit code: 0 all hold · 1 one fails · 3 the journal could not be read.
    Example: flask audit --json
    """
    config: Config = current_app.extensions["config"]
    try:
        with explained():
            findings, trouble = look(database().sessions, config.gateway_url)
    except click.ClickException as error:
        raise NothingLookedAt(error.message) from None
    if as_json:
        print_json([finding.as_json() for finding in findings])
    else:
        _print_findings(findings)
    if trouble:
        click.echo(f"Error: {trouble}", err=True)
    if any(finding.ok is False for finding in findings):
        sys.exit(EXIT_FAILED)
    if any(finding.ok is None for finding in findings):
        sys.exit(EXIT_INCOMPLETE)


def look(sessions: sessionmaker[Session], gateway_url: str) -> tuple[list[Finding], str | None]:
    """Every invariant's finding, and what kept the journal from being read."""
    return invariants.look(sessions.begin, gateway_url)


def _print_findings(findings: list[Finding]) -> None:
    marks = {True: "holds", False: "FAILS", None: "not checked"}
    print_table(
        ("", "invariant", "result", "checked", "failed"),
        [(f.id, f.title, marks[f.ok], f.checked, f.failed) for f in findings],
        empty="",
    )
    for finding in findings:
        for example in finding.examples:
            click.echo(f"{finding.id}: {example}")
