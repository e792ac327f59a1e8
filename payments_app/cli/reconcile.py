"""``flask reconcile``: compare our books with the gateway's report, and work through the breaks."""

import sys
from dataclasses import asdict

import click
from flask import current_app

from payments_app import clock
from payments_app.cli.db import database, explained
from payments_app.cli.output import as_json_option, print_json, print_table
from payments_app.cli.selection import actor
from payments_app.config import Config
from payments_app.domain.errors import DomainError
from payments_app.domain.reconciliation import ReconciliationBreak
from payments_app.gateway.settlement_report import ReportUnavailable, SimulatorReports
from payments_app.gateway.stripe_adapter import StripeGateway
from payments_app.services import reconciliation
from payments_app.services.actor import act_as
from workers.reconciler import reconcile

EXIT_BREAKS_LEFT = 1


@click.group("reconcile", invoke_without_command=True)
@as_json_option
@click.pass_context
def group(context: click.Context, *, as_json: bool) -> None:
    r"""Compare payments, refunds and ledger with the gateway's report.

    \b
    Repairs what a rule allows (a captured payment that we do not hold as completed is
    completed, with an alarm); everything else stays an open break for a person.
    Exit code: 0 no break is open · 1 some are.

    \b
    Examples:
      flask reconcile --json
      flask reconcile breaks
      flask reconcile resolve brk_… --note "refunded in the gateway's dashboard"
    """
    if context.invoked_subcommand is not None:
        return
    config: Config = current_app.extensions["config"]
    gateway = StripeGateway(
        base_url=config.gateway_url,
        api_key=config.gateway_api_key,
        read_timeout_s=config.gateway_timeout_s,
    )
    reports = SimulatorReports(config.gateway_url)
    with explained():
        try:
            done = reconcile(database().sessions.begin, gateway, reports, actor=actor())
        except ReportUnavailable as error:
            raise click.ClickException(str(error)) from None
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(
            f"{done.lines} lines, {done.compared} payments compared: {done.found} differences,"
            f" {done.repaired} repaired, {done.left} left for a person."
        )
    sys.exit(EXIT_BREAKS_LEFT if done.left else 0)


@group.command("breaks")
@as_json_option
def breaks(*, as_json: bool) -> None:
    """List the breaks that wait for a person, oldest first."""
    with explained(), database().sessions.begin() as session:
        found = [_shown(each) for each in reconciliation.open_breaks(session)]
    if as_json:
        print_json(found)
        return
    columns = ("id", "kind", "subject_id", "found_at", "times_seen", "ours", "theirs")
    print_table(
        columns, [[each[name] for name in columns] for each in found], empty="No open breaks."
    )


@group.command("resolve")
@click.argument("break_id")
@click.option("--note", required=True, help="What was decided, for whoever asks later.")
def resolve(break_id: str, note: str) -> None:
    """Close one break by a person's decision. The money itself is not touched."""
    with explained(), database().sessions.begin() as session:
        act_as(session, actor(), reason=note)
        try:
            found = reconciliation.resolve_by_hand(
                session, break_id, note=note, now=clock.now(session)
            )
        except DomainError as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"{found.id} is resolved: {found.resolution}")


def _shown(found: ReconciliationBreak) -> dict[str, object]:
    return {
        "id": found.id,
        "kind": str(found.kind),
        "status": str(found.status),
        "subject_id": found.subject_id,
        "payment_id": found.payment_id,
        "found_at": found.found_at,
        "last_seen_at": found.last_seen_at,
        "times_seen": found.times_seen,
        "ours": found.ours,
        "theirs": found.theirs,
    }
