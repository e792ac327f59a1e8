"""``flask api-key``: make, list and revoke the bearer keys of the JSON API.

A key is printed once, when it is made, alone on the last line, so that a script can take it with
``tail -n 1``; the database keeps only its hash.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from payments_app import clock
from payments_app.cli.db import database, explained
from payments_app.domain.access import ApiKey
from payments_app.domain.errors import DomainError
from payments_app.services import actor, api_keys

_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@click.group("api-key")
def group() -> None:
    r"""Bearer keys of the JSON API.

    \b
    Examples:
      flask --app payments_app api-key create --name "Shop"
      flask --app payments_app api-key list
      flask --app payments_app api-key revoke co_0192a3b4
    """


@group.command("create")
@click.option("--name", required=True, help="Who will use it, up to 200 characters.")
@_JSON
def create(name: str, *, as_json: bool) -> None:
    r"""Make a key and print it, alone on the last line. It cannot be shown again.

    \b
    Examples:
      flask --app payments_app api-key create --name "Shop"
      KEY=$(flask --app payments_app api-key create --name CI | tail -n 1)
    """
    with explained(), _refusals(), database().sessions.begin() as session:
        actor.act_as(session, "cli")
        key, clear = api_keys.create(session, name)
    if as_json:
        click.echo(json.dumps({**_shown(key), "key": clear}))
        return
    click.echo(f"{key.name} ({key.id}). Keep it now; it is not stored and cannot be shown again:")
    click.echo(clear)


@group.command("list")
@_JSON
def list_keys(*, as_json: bool) -> None:
    r"""List every key, newest first; the keys themselves are not known.

    \b
    Examples:
      flask --app payments_app api-key list
      flask --app payments_app api-key list --json
    """
    with explained(), database().sessions.begin() as session:
        keys = [_shown(key) for key in api_keys.all_keys(session)]
    if as_json:
        click.echo(json.dumps(keys))
        return
    table = Table("prefix", "name", "created", "last used", "revoked", "id")
    for key in keys:
        times = (key["created_at"], key["last_used_at"], key["revoked_at"])
        table.add_row(key["prefix"], key["name"], *(_minute(time) for time in times), key["id"])
    Console().print(table)


@group.command("revoke")
@click.argument("key")
@_JSON
def revoke(key: str, *, as_json: bool) -> None:
    r"""Refuse a key from now on. KEY is its id or its visible prefix, never the key itself.

    \b
    Examples:
      flask --app payments_app api-key revoke co_0192a3b4
      flask --app payments_app api-key revoke key_0192a3b4c5d67e8f90a1b2c3d4e5f607
    """
    with explained(), _refusals(), database().sessions.begin() as session:
        actor.act_as(session, "cli")
        revoked = api_keys.revoke(session, key, now=clock.now(session))
    click.echo(json.dumps(_shown(revoked)) if as_json else f"{revoked.name} is revoked.")


@contextmanager
def _refusals() -> Iterator[None]:
    """What the business refuses, as one message without a traceback."""
    try:
        yield
    except DomainError as error:
        raise click.ClickException(str(error)) from None


def _shown(key: ApiKey) -> dict[str, Any]:
    times = ("created_at", "last_used_at", "revoked_at")
    shown = {"id": key.id, "name": key.name, "prefix": key.prefix}
    return {**shown, **{name: _iso(getattr(key, name)) for name in times}}


def _iso(time: datetime | None) -> str | None:
    return None if time is None else time.isoformat()


def _minute(time: str | None) -> str:
    return "" if time is None else time[:16].replace("T", " ")
