"""A believable quarter of business: 40 customers, 120 invoices, payments in every state.

Deterministic (the same names, amounts and dates relative to today) and idempotent: a second run
changes nothing and says so. Payments are really carried out by workers against the gateway, so that
`flask audit` passes right afterwards; without a gateway the books are made and what is missing is
said.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import requests
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.cli.db import upgrade
from payments_app.cli.parts import Lifeline, Part
from payments_app.config import DEMO_EMAIL, DEMO_PASSWORD, Config, ConfigError, load_config
from payments_app.db import Database, DatabaseUnavailable
from payments_app.embedded_postgres import EmbeddedPostgresError
from payments_app.services import actor
from seeding import books, history, money
from seeding.plan import Plan, make

ROOT = Path(__file__).parent
WORKERS_GRACE_S = 3.0
# A round that has not come to rest by then is left to the workers of `make run`.
REST_TIMEOUT_S = 30.0
CHUNK = 10

Step = Callable[[], None]


def main() -> int:
    try:
        config = load_config()
        database = Database(config, application_name="seed")
        return seed(config, database)
    except (ConfigError, DatabaseUnavailable, EmbeddedPostgresError) as error:
        print(f"seed: {error}", file=sys.stderr)
        return 1


def seed(config: Config, database: Database) -> int:
    started = time.monotonic()
    upgrade(database.url)
    reachable = _answers(f"{config.gateway_url}/_sim/clock")
    sessions = database.sessions
    with sessions() as session:
        now = clock.now(session)
    plan = make(now.date())
    with _workers(database.url, config) if reachable else _nobody():
        users, new_invoices = _make_books(sessions, plan, now)
        paid = _make_payments(sessions, plan) if reachable else 0
    database.close()
    if users or new_invoices or paid:
        _say_what_is_there(config, time.monotonic() - started)
    else:
        print("Everything is there already; nothing was changed.")
    if not reachable:
        print(
            f"The gateway at {config.gateway_url} does not answer, so no payment was made. Start"
            " it with `flask run-gateway` and run seed.py again for the payments."
        )
    return 0


def _make_books(sessions: sessionmaker[Session], plan: Plan, now: datetime) -> tuple[int, int]:
    total = len(plan.customers) + len(plan.invoices)
    with _progress("customers and invoices", total) as step, sessions.begin() as session:
        users = books.make_users(session)
        ids = books.make_customers(session, plan, step)
        made = books.make_invoices(session, plan, ids, now=now, step=step)
    return users, made


def _make_payments(sessions: sessionmaker[Session], plan: Plan) -> int:
    begun: dict[str, datetime] = {}
    for round_no in range(money.ROUNDS_MAX):
        with sessions() as session:
            wanted = money.missing(session, plan, round_no, clock.now(session))
        if wanted:
            with _progress(f"payments, round {round_no + 1}", len(wanted)) as step:
                begun |= _ask(sessions, wanted, step)
                if round_no == money.ROUNDS_MAX - 1:
                    begun |= _ask_refunds(sessions, plan)
                _wait_for_rest(sessions)
    begun |= _ask_refunds(sessions, plan)
    _wait_for_rest(sessions)
    with sessions.begin() as session:
        history.back_date(session, begun)
    return len(begun)


def _ask(
    sessions: sessionmaker[Session], wanted: list[money.Wanted], step: Step
) -> dict[str, datetime]:
    begun: dict[str, datetime] = {}
    for some in money.chunks(wanted, CHUNK):  # The workers begin while the rest is written.
        with sessions.begin() as session:
            now = clock.now(session)
            actor.act_as(session, "seed")
            for each in some:
                begun |= money.ask(session, each, now)
                step()
    return begun


def _ask_refunds(sessions: sessionmaker[Session], plan: Plan) -> dict[str, datetime]:
    with sessions.begin() as session:
        return money.ask_refunds(session, plan, clock.now(session))


def _wait_for_rest(sessions: sessionmaker[Session]) -> None:
    deadline = time.monotonic() + REST_TIMEOUT_S
    while time.monotonic() < deadline:
        with sessions() as session:
            if not money.on_their_way(session):
                return
        time.sleep(0.05)
    print("Some payments are still on their way; the workers of `make run` go on with them.")


@contextmanager
def _workers(database_url: str, config: Config) -> Iterator[None]:
    """Real workers for the payments alone; they end with us. Mails and PDFs are left for later."""
    env = {
        **os.environ,
        "DATABASE_URL": database_url,
        "DATA_DIR": str(config.data_dir),
        "GATEWAY_URL": config.gateway_url,
        "SHUTDOWN_TIMEOUT_SECONDS": "2",
        "PYTHONPATH": str(ROOT),
    }
    flask = [sys.executable, "-m", "flask", "--app", "payments_app:create_app(edges=False)"]
    command = [*flask, "run-workers", "--queues", "payments", "--processes", "2"]
    log: list[str] = []
    part = Part(
        "workers", command, WORKERS_GRACE_S, env, Lifeline(), lambda _name, line: log.append(line)
    )
    part.start()
    try:
        yield
    finally:
        ended = part.exit_code
        part.stop()
        if ended:
            print("The seed's workers ended early:", *log[-10:], sep="\n  ", file=sys.stderr)


@contextmanager
def _nobody() -> Iterator[None]:
    yield


@contextmanager
def _progress(what: str, total: int) -> Iterator[Step]:
    """A bar on a terminal; elsewhere a line at the end."""
    if not sys.stdout.isatty():
        yield lambda: None
        print(f"{what}: {total}", flush=True)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def _answers(url: str) -> bool:
    try:
        with requests.Session() as session:
            session.trust_env = False
            return session.get(url, timeout=2).status_code == 200
    except requests.RequestException:
        return False


def _say_what_is_there(config: Config, seconds: float) -> None:
    address = config.public_url
    print(f"The sample business is there, after {seconds:.1f} s. Look at:")
    print(f"  {address}  sign in as {DEMO_EMAIL} with the password {DEMO_PASSWORD}")
    others = ", ".join(user[0] for user in books.USERS[1:])
    print(f"  the same password serves {others}")
    print("  invoices that are overdue, partly paid or declined; a payment that waits for funds;")
    print("  a payment with a refund; and `flask audit`, which compares it all with the gateway")


if __name__ == "__main__":
    sys.exit(main())
