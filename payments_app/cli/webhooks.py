"""``flask webhooks``: the events that the gateway sent us, and handling one again."""

import click
from sqlalchemy.orm import Session

from payments_app.cli.db import database, explained
from payments_app.cli.output import as_json_option, print_json, print_table
from payments_app.cli.selection import actor
from payments_app.domain.errors import DomainError
from payments_app.domain.inbound_event import EventStatus, InboundEvent
from payments_app.queries import inbound_events
from payments_app.services import inbound
from payments_app.services.actor import act_as

LIST_MAX = 10_000


@click.group("webhooks")
def group() -> None:
    r"""Webhooks from the gateway: list, show, replay.

    \b
    Examples:
      flask webhooks list --status parked
      flask webhooks show evt_1 --json
      flask webhooks replay evt_1
    """


@group.command("list")
@click.option("--status", type=click.Choice([each.value for each in EventStatus]))
@click.option("--limit", type=click.IntRange(1, LIST_MAX), default=50, show_default=True)
@as_json_option
def list_events(*, status: str | None, limit: int, as_json: bool) -> None:
    """List the events, newest first."""
    wanted = EventStatus(status) if status else None
    with explained(), database().sessions() as session:
        found = [_shown(each) for each in inbound_events.newest(session, wanted, limit=limit)]
    if as_json:
        print_json(found)
        return
    columns = ("id", "type", "object", "status", "times_received", "received_at", "processed_at")
    print_table(columns, [[each[name] for name in columns] for each in found], empty="No events.")


@group.command("show")
@click.argument("event_id")
@as_json_option
def show(event_id: str, *, as_json: bool) -> None:
    """Show one event with the body that came."""
    with explained(), database().sessions() as session:
        event = _get(session, event_id)
        shown = {**_shown(event), "payload": event.payload}
    if as_json:
        print_json(shown)
        return
    print_table(("field", "value"), list(shown.items()), empty="")


@group.command("replay")
@click.argument("event_ids", nargs=-1, required=True, metavar="ID...")
def replay(event_ids: tuple[str, ...]) -> None:
    """Handle kept events again: it makes us look at the gateway once more, and nothing else."""
    with explained(), database().sessions.begin() as session:
        act_as(session, actor(), reason="replayed")
        try:
            for event_id in event_ids:
                inbound.replay(session, event_id)
        except DomainError as error:
            raise click.ClickException(str(error)) from None
    for event_id in event_ids:
        click.echo(f"{event_id} will be handled again.")


def _get(session: Session, event_id: str) -> InboundEvent:
    found = inbound_events.one(session, event_id)
    if found is None:
        raise click.ClickException(
            f"there is no event {event_id}. `flask webhooks list` shows the newest."
        )
    return found


def _shown(event: InboundEvent) -> dict[str, object]:
    return {
        "id": event.event_id,
        "type": event.type,
        "object": event.object_id,
        "status": str(event.status),
        "times_received": event.times_received,
        "received_at": event.received_at,
        "processed_at": event.processed_at,
    }
