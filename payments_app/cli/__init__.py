"""The operator's verbs: ``flask --app payments_app <group> <verb>``; one file per group.

A command parses, calls and prints; it opens the transaction and the services do the work. What a
person did wrong comes back as one message, without a traceback. A file is imported when its command
is called, so that `flask db upgrade` does not wait for the libraries of the gateway.
"""

from importlib import import_module
from importlib.util import find_spec

import click
from flask import Flask
from flask.cli import AppGroup

# Command → the file and the click object in it. This is the table of contents.
COMMANDS = {
    "api-key": ("api_key", "group"),
    "audit": ("audit", "audit"),
    "cron": ("cron", "group"),
    "db": ("db", "group"),
    "demo": ("demo", "group"),
    "endpoints": ("endpoints", "group"),
    "jobs": ("jobs", "group"),
    "payments": ("payments", "group"),
    "queues": ("queues", "group"),
    "reconcile": ("reconcile", "group"),
    "run-all": ("run_all", "run_all"),
    "run-gateway": ("run_gateway", "run_gateway"),
    "run-workers": ("run_workers", "run_workers"),
    "users": ("users", "group"),
    "webhooks": ("webhooks", "group"),
    "workers": ("workers", "group"),
}


class Commands(AppGroup):
    """The application's part of the ``flask`` command line, imported on demand."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        file, name = COMMANDS.get(cmd_name, ("", ""))
        if not file or find_spec(f"{__name__}.{file}") is None:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(f"{__name__}.{file}"), name)
        _keep_lines(command)
        return command


def register(app: Flask) -> None:
    """Give the application its commands."""
    app.cli = Commands()


def _keep_lines(command: click.Command) -> None:
    """Put click's mark for "do not rewrap" back: in a raw docstring it is two characters."""
    if command.help:
        command.help = command.help.replace("\\b\n", "\b\n")
    for inner in getattr(command, "commands", {}).values():
        _keep_lines(inner)
