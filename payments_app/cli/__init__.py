"""The operator's verbs: ``flask --app payments_app <group> <verb>``; one file per group.

A command parses, calls and prints; it opens the transaction and the services do the work. What a
person did wrong comes back as one message, without a traceback.
"""

from importlib import import_module
from importlib.util import find_spec

import click
from flask import Flask

# File → the click command or group in it. The list is the table of contents.
COMMANDS = {
    "db": "group",
    "run_all": "run_all",
    "run_workers": "run_workers",
    "run_gateway": "run_gateway",
    "jobs": "group",
    "queues": "group",
    "workers": "group",
    "audit": "audit",
    "api_key": "group",
    "demo": "group",
}


def register(app: Flask) -> None:
    """Add every command to the application's own ``flask`` command line."""
    for file, name in COMMANDS.items():
        if find_spec(f"{__name__}.{file}") is not None:
            command: click.Command = getattr(import_module(f"{__name__}.{file}"), name)
            app.cli.add_command(command)
