"""``flask endpoints``: who is told of changes, and telling again."""

import click

from payments_app import clock
from payments_app.cli.db import database, explained
from payments_app.cli.output import as_json_option, print_json, print_table
from payments_app.cli.selection import actor
from payments_app.domain.errors import DomainError
from payments_app.queries import outbound as queries
from payments_app.services import outbound as service
from payments_app.services.actor import act_as


@click.group("endpoints")
def group() -> None:
    r"""Webhooks to others: add, list, rotate, disable, replay.

    \b
    Examples:
      flask endpoints add https://example.com/webhooks
      flask endpoints list --json
      flask endpoints replay whd_…
    """


@group.command("add")
@click.argument("url")
def add(url: str) -> None:
    """Tell this address of every change from now on. Prints the signing secret, once."""
    with explained(), database().sessions.begin() as session:
        act_as(session, actor())
        try:
            made = service.add_endpoint(session, url)
        except DomainError as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"{made.id} is told of changes from now on. Its signing secret:")
        click.echo(made.secret)


@group.command("list")
@as_json_option
def list_endpoints(*, as_json: bool) -> None:
    """List the endpoints."""
    with explained(), database().sessions() as session:
        found = [
            {"id": each.id, "url": each.url, "since": each.created_at, "disabled": each.disabled_at}
            for each in queries.endpoints(session)
        ]
    if as_json:
        print_json(found)
        return
    columns = ("id", "url", "since", "disabled")
    print_table(columns, [[each[name] for name in columns] for each in found], empty="None.")


@group.command("disable")
@click.argument("endpoint_id")
def disable(endpoint_id: str) -> None:
    """Tell it nothing more."""
    with explained(), database().sessions.begin() as session:
        act_as(session, actor())
        now = clock.now(session)
        try:
            service.disable_endpoint(session, endpoint_id, reason="disabled by hand", now=now)
        except DomainError as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{endpoint_id} is told nothing more.")


@group.command("rotate")
@click.argument("endpoint_id")
def rotate(endpoint_id: str) -> None:
    """Give it a new signing secret, printed once; for a day both sign."""
    with explained(), database().sessions.begin() as session:
        act_as(session, actor())
        try:
            changed = service.rotate_secret(session, endpoint_id, now=clock.now(session))
        except DomainError as error:
            raise click.ClickException(str(error)) from None
        click.echo(f"{changed.id} is signed for with both secrets for a day. The new one:")
        click.echo(changed.secret)


@group.command("replay")
@click.argument("delivery_ids", nargs=-1, required=True, metavar="ID...")
def replay(delivery_ids: tuple[str, ...]) -> None:
    """Send deliveries again, each under the id of its event."""
    with explained(), database().sessions.begin() as session:
        act_as(session, actor(), reason="replayed")
        now = clock.now(session)
        try:
            for delivery_id in delivery_ids:
                service.replay(session, delivery_id, now=now)
        except DomainError as error:
            raise click.ClickException(str(error)) from None
    click.echo(f"{len(delivery_ids)} will be sent again.")
