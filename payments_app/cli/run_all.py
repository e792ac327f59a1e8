"""``flask run-all``, behind `make run`: the whole product as one process tree.

The parent joins the embedded PostgreSQL (or uses DATABASE_URL), migrates, and starts gateway
simulator, workers and web, each in a session of its own. It stops them in that order reversed, web
first, so that nobody is promised work that nobody will do, and the database last. The parts hold a
pipe that ends with the parent, so that not even ``kill -9`` leaves one behind; they also hold its
lock, so that the next start can wait for their end.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import click
from flask import current_app
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from payments_app import embedded_postgres
from payments_app.cli.db import explained, upgrade
from payments_app.cli.parts import Lifeline, Part
from payments_app.cli.startup import (
    StopRequest,
    answers,
    hold_data_dir,
    is_ready,
    refuse_taken_port,
)
from payments_app.config import DEMO_EMAIL, DEMO_PASSWORD, GATEWAY_NOTE, Config
from payments_app.db import Database, check_answers

ROOT = Path(__file__).parent.parent.parent
TICK_S = 0.25
DATABASE_CHECK_S = 2.0
READY_TIMEOUT_S = 30.0
# Together below the 10 s in which Ctrl-C must have ended everything.
WEB_GRACE_S, WORKERS_GRACE_S, GATEWAY_GRACE_S, SEED_GRACE_S = 2.5, 3.0, 0.75, 0.75
# Each open event stream holds a thread, so there are more threads than a page needs.
WEB_THREADS = 32

_printing = threading.Lock()


@click.command("run-all")
def run_all() -> None:
    """Run database, gateway simulator, workers and web until Ctrl-C or TERM."""
    config: Config = current_app.extensions["config"]
    if not os.environ.get("GATEWAY_URL", "").strip():
        # What an earlier run noted was its own simulator's address, perhaps on another port.
        config = replace(config, gateway_url=f"http://127.0.0.1:{config.gateway_port}")
    stop = StopRequest()
    with explained(), hold_data_dir(config.data_dir) as lock:
        refuse_taken_port("PORT", config.host, config.port)
        if _simulates_gateway(config):
            refuse_taken_port("GATEWAY_PORT", "127.0.0.1", config.gateway_port)
        with closing(Database(config)) as database:
            say("run", f"starting; data in {config.data_dir}")
            check_answers(database.url)
            upgrade(database.url)
            note = config.data_dir / GATEWAY_NOTE
            note.write_text(f"{config.gateway_url}\n", encoding="utf-8")
            Tree(config, database, stop, Lifeline(lock)).run()
    say("run", "everything has stopped")


class Tree:
    """The parts, in the order in which they start."""

    def __init__(
        self, config: Config, database: Database, stop: StopRequest, lifeline: Lifeline
    ) -> None:
        self._config = config
        self._database = database
        self._stop = stop
        self._lifeline = lifeline
        self._env = _environment(config, database.url)
        self._parts: list[Part] = []
        # Seeding leaves jobs behind, and their lines scroll away how to sign in.
        self._announce_again = False

    def run(self) -> None:
        try:
            if _simulates_gateway(self._config):
                self._start("gateway", _gateway(self._config), GATEWAY_GRACE_S)
            self._seed_if_empty()
            self._start("workers", _flask("run-workers"), WORKERS_GRACE_S)
            self._start("web", _gunicorn(self._config), WEB_GRACE_S)
            self._announce_when_ready()
            self._watch()
        finally:
            self._stop_all()

    def _start(self, name: str, command: list[str], grace_s: float) -> Part:
        part = Part(name, command, grace_s, self._env, self._lifeline, say)
        self._parts.append(part)
        if not self._stop.requested:
            part.start()
        return part

    def _seed_if_empty(self) -> None:
        script = ROOT / "seed.py"
        if self._stop.requested or not script.exists() or not _is_empty(self._database):
            return
        self._await(lambda: answers(self._config.gateway_url), READY_TIMEOUT_S)
        say("run", "the database is empty: seeding it with a believable history")
        seed = self._start("seed", [sys.executable, str(script)], SEED_GRACE_S)
        self._await(lambda: seed.exit_code is not None)
        seed.stop()
        self._parts.remove(seed)
        self._announce_again = True
        if seed.exit_code and not self._stop.requested:
            say("run", f"seeding failed (exit code {seed.exit_code}); going on without")

    def _announce_when_ready(self) -> None:
        address = f"http://{self._config.host}:{self._config.port}"
        self._await(lambda: is_ready(address), READY_TIMEOUT_S)
        if self._stop.requested:
            return
        if not is_ready(address):
            say("run", f"not every part is up yet; {address}/readyz says which")
        self._announce(address)

    def _announce(self, address: str) -> None:
        say("run", f"open {address}")
        say("run", _how_to_sign_in(self._database, address))
        say("run", "Ctrl-C stops everything")

    def _announce_when_quiet(self) -> None:
        if self._announce_again and _is_quiet(self._database):
            self._announce_again = False
            say("run", "the seeded jobs are done")
            self._announce(f"http://{self._config.host}:{self._config.port}")

    def _watch(self) -> None:
        database_check_at = 0.0
        while not self._stop.wait(TICK_S):
            for part in self._parts:
                part.restart_if_dead()
            if self._config.database_url is None and time.monotonic() > database_check_at:
                database_check_at = time.monotonic() + DATABASE_CHECK_S
                if embedded_postgres.revive(self._config.data_dir):
                    say("run", "the database had ended; it runs again")
            self._announce_when_quiet()

    def _await(self, fact: Callable[[], bool], timeout_s: float = float("inf")) -> None:
        """Wait for a fact while the parts are looked after; a request to stop ends the wait."""
        deadline = time.monotonic() + timeout_s
        while not fact() and time.monotonic() < deadline and not self._stop.wait(TICK_S / 2):
            for part in self._parts:
                if part.name != "seed":
                    part.restart_if_dead()

    def _stop_all(self) -> None:
        if self._parts:
            say("run", "stopping (once more to stop at once)")
        self._stop.on_second = self._kill_all
        for part in reversed(self._parts):
            part.stop()

    def _kill_all(self) -> None:
        for part in self._parts:
            part.kill()


def say(name: str, line: str) -> None:
    """One line of the log, with the part that wrote it. A reader that went away is no error."""
    try:
        with _printing:
            sys.stdout.write(f"{name:<8}│ {line}\n")
            sys.stdout.flush()
    except BrokenPipeError:
        # `make run | head`: keep running, write nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _environment(config: Config, database_url: str) -> dict[str, str]:
    """What the parts are told: every address as it is now, and to answer a stop in time."""
    return {
        **os.environ,
        "DATABASE_URL": database_url,
        "DATA_DIR": str(config.data_dir),
        "GATEWAY_URL": config.gateway_url,
        "GATEWAY_API_KEY": config.gateway_api_key,
        "GATEWAY_WEBHOOK_SECRET": ",".join(config.gateway_webhook_secrets),
        "SHUTDOWN_TIMEOUT_SECONDS": str(min(config.shutdown_timeout_s, WORKERS_GRACE_S - 1)),
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": str(ROOT),
    }


def _simulates_gateway(config: Config) -> bool:
    """The simulator is ours to run unless GATEWAY_URL points elsewhere."""
    return config.gateway_url == f"http://127.0.0.1:{config.gateway_port}"


def _flask(command: str) -> list[str]:
    app = "payments_app:create_app(edges=False)"
    return [sys.executable, "-m", "flask", "--app", app, command]


def _gateway(config: Config) -> list[str]:
    webhooks = f"http://127.0.0.1:{config.port}/webhooks/gateway"
    return [*_flask("run-gateway"), "--quiet", "--webhook-url", webhooks]


def _gunicorn(config: Config) -> list[str]:
    host = f"[{config.host}]" if ":" in config.host else config.host
    return [
        *(sys.executable, "-m", "gunicorn", "--bind", f"{host}:{config.port}"),
        *("--worker-class", "gthread", "--threads", str(WEB_THREADS)),
        *("--graceful-timeout", "2", "--no-control-socket"),
        "payments_app:create_app()",
    ]


def _is_empty(database: Database) -> bool:
    with database.engine.connect() as connection:
        return not connection.execute(text("SELECT EXISTS (SELECT FROM customers)")).scalar_one()


def _is_quiet(database: Database) -> bool:
    """Nothing runs and nothing waits for a worker. A database that is away is not quiet."""
    busy = text("SELECT EXISTS (SELECT FROM queue.jobs WHERE state IN ('available', 'executing'))")
    try:
        with database.engine.connect() as connection:
            return not connection.execute(busy).scalar_one()
    except OperationalError:
        return False


def _how_to_sign_in(database: Database, address: str) -> str:
    users = text("SELECT email = :demo FROM users ORDER BY email = :demo DESC LIMIT 1")
    with database.engine.connect() as connection:
        demo = connection.execute(users, {"demo": DEMO_EMAIL}).scalar_one_or_none()
    if demo is None:
        return f"make the first user at {address}/setup"
    if demo:
        return f"sign in as {DEMO_EMAIL} with the password {DEMO_PASSWORD}"
    return f"sign in at {address}/login"
