"""The composition root of the web process: settings, database, commands, the edges.

Nothing is opened here: the engine connects on first use, so that ``flask --help`` starts no
database and a forked web worker inherits no connection.
"""

from importlib import import_module
from importlib.util import find_spec

import click
from flask import Flask

from payments_app import cli, logs
from payments_app.config import Config, ConfigError, load_config
from payments_app.db import Database

# Each has a function register(app) that adds its blueprints.
EDGES = ("payments_app.api", "payments_app.web")


def build(config: Config | None = None, *, edges: bool = True) -> Flask:
    """A new application; ``config`` None reads the environment.

    Without ``edges`` it has commands alone: workers start in half the time.
    """
    if config is None:
        config = _read_config()
        logs.configure(config.log_format)
    app = Flask("payments_app", template_folder="web/templates", static_folder="web/static")
    app.secret_key = config.secret_key
    app.extensions["config"] = config
    app.extensions["database"] = Database(config)
    cli.register(app)
    for edge in EDGES if edges else ():
        found = find_spec(edge)
        if found is not None and found.origin:
            import_module(edge).register(app)
    return app


def _read_config() -> Config:
    try:
        return load_config()
    except ConfigError as error:
        # The person at the command line sees the sentence, not a traceback.
        raise click.ClickException(str(error)) from None
