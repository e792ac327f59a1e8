"""``flask users``: who may sign in, and as what. Passwords are asked for and never shown."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy.orm import Session

from payments_app import clock
from payments_app.cli.db import database, explained
from payments_app.cli.output import as_json_option, print_json, print_table
from payments_app.cli.selection import actor
from payments_app.domain.access import Role
from payments_app.domain.errors import DomainError
from payments_app.services import access, people
from payments_app.services.actor import act_as

_ROLE = click.Choice([str(role) for role in Role])
_PASSWORD = click.option(
    "--password",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    help="At least 8 characters. Asked for when it is left out, which keeps it out of the history.",
)


@click.group("users")
def group() -> None:
    r"""People who sign in: list, add, role, password, disable, enable.

    \b
    Examples:
      flask users add vera@example.com --name "Vera Viewer" --role viewer
      flask users role vera@example.com operator
      flask users disable vera@example.com
    """


@group.command("list")
@as_json_option
def list_users(*, as_json: bool) -> None:
    """List every account, by name."""
    columns = ("id", "email", "name", "role", "disabled_at")
    with explained(), database().sessions() as session:
        rows = [
            {name: getattr(user, name) for name in columns} for user in people.everybody(session)
        ]
    if as_json:
        print_json(rows)
        return
    print_table(columns, [tuple(row.values()) for row in rows], empty="Nobody has an account yet.")


@group.command("add")
@click.argument("email")
@click.option("--name", required=True)
@click.option("--role", type=_ROLE, required=True)
@_PASSWORD
def add(*, email: str, name: str, role: str, password: str) -> None:
    """Let somebody sign in with EMAIL."""
    with _changing() as session:
        access.create_user(session, email=email, name=name, password=password, role=Role(role))
    click.echo(f"{email} can sign in.")


@group.command("role")
@click.argument("user")
@click.argument("role", type=_ROLE)
def change_role(*, user: str, role: str) -> None:
    """Change what USER (id or e-mail address) may do."""
    with _changing() as session:
        people.change_role(session, people.find(session, user), Role(role))
    click.echo(f"{user} is {role} now.")


@group.command("password")
@click.argument("user")
@_PASSWORD
def set_password(*, user: str, password: str) -> None:
    """Set a new password for USER. Ends every session of that person, and any pause."""
    with _changing() as session:
        access.set_password(session, people.find(session, user), password)
    click.echo(f"The password of {user} is set.")


@group.command("disable")
@click.argument("user")
def disable(*, user: str) -> None:
    """Let USER in no more, and end every session of that person."""
    with _changing() as session:
        people.disable(session, people.find(session, user), now=clock.now(session))
    click.echo(f"{user} can sign in no more.")


@group.command("enable")
@click.argument("user")
def enable(*, user: str) -> None:
    """Let USER in again."""
    with _changing() as session:
        people.enable(session, people.find(session, user))
    click.echo(f"{user} can sign in again.")


@contextmanager
def _changing() -> Iterator[Session]:
    """A transaction whose refusals are one message without a traceback."""
    try:
        with explained(), database().sessions.begin() as session:
            act_as(session, actor())
            yield session
    except DomainError as error:
        raise click.ClickException(str(error)) from None
