"""One trial: a payment, a processor, one thing that goes wrong, and what became of the money.

The trouble is made really: a worker process is killed by SIGKILL at a named point, or the gateway
loses its answer. Then everything is left to itself until nothing changes any more. The captures
are counted in the gateway's journal. A trouble that did not happen makes the trial inconclusive,
never a success.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session, sessionmaker

from payments_app import clock
from payments_app.db import make_engine
from payments_app.lab.moments import Moment
from payments_app.lab.processes import APP, PACKAGE, GatewayProcess
from payments_app.services import customers, invoices, payments
from payments_app.services.invoices import LineDraft

POLL_S = 0.1
TROUBLE_TIMEOUT_S = 45.0
REST_TIMEOUT_S = 60.0
# Gateways keep their keys for a day: an hour more, and they are gone.
KEYS_FORGOTTEN_AFTER_S = 25 * 3600.0
# So many more runs of the job without any change: nothing will change any more.
IDLE_RUNS = 2
GUARD = PACKAGE / "cli" / "guard.py"
# Past this, workers that were told to stop are killed.
GRACE_S = 5.0
STOP_TIMEOUT_S = 15.0
# A dead worker's jobs wait this long; short, so that a trial takes seconds.
LEASE_S = 3.0
GATEWAY_TIMEOUT_S = 1.0

_STATE = text(
    """
    SELECT p.status, p.version, coalesce(j.lease, 0) AS lease, j.state AS job,
           (SELECT count(*) FROM ledger_postings l
            WHERE l.source_id = p.id AND l.kind = 'capture') AS postings
    FROM payments p
    LEFT JOIN queue.jobs j ON j.kind = 'process_payment' AND j.args ->> 'payment_id' = p.id
    WHERE p.id = :payment
    """
)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one payment. ``at_rest`` False: its job still runs, and nothing changes."""

    processor: str
    moment: str
    happened: bool
    captures: int
    status: str
    postings: int
    at_rest: bool

    @property
    def ok(self) -> bool:
        """Taken once, known, posted once, done."""
        once = self.captures == self.postings == 1
        return self.happened and once and self.status == "completed" and self.at_rest

    @property
    def verdict(self) -> str:
        """The counterexample in a few words."""
        if not self.happened:
            return "inconclusive: the fault did not fire"
        if self.ok:
            return "taken once"
        taken = {0: "never taken", 1: "taken once"}.get(
            self.captures, f"taken {self.captures} times"
        )
        stuck = "" if self.at_rest else ", stuck"
        posted = "" if self.postings <= 1 else f", posted {self.postings} times"
        return f"{taken}, recorded {self.status}{stuck}{posted}"


def run(
    database_url: str, gateway: GatewayProcess, folder: Path, processor: str, moment: Moment
) -> Result:
    """Play one trial on a database with the schema and no rows."""
    folder.mkdir(parents=True, exist_ok=True)
    gateway.reset(moment.rules())
    engine = make_engine(database_url, application_name="lab")
    try:
        payment_id = _a_payment(sessionmaker(engine, expire_on_commit=False))
        marker = folder / "reached"
        settings = _settings(database_url, gateway, folder, processor, moment)
        with WorkersProcess(processor, folder, settings):
            happened = _make_trouble(gateway, marker, moment)
            return _outcome(engine, gateway, payment_id, processor, moment, happened=happened)
    finally:
        engine.dispose()


def _a_payment(sessions: sessionmaker[Session]) -> str:
    with sessions.begin() as session:
        now = clock.now(session)
        customer = customers.create(session, name="Ada Ltd", email="ada@example.com")
        session.flush()
        line = LineDraft("Work", Decimal(1), 12_000, Decimal(0))
        draft = invoices.create_draft(
            session, customer_id=customer.id, currency="USD", lines=[line], now=now
        )
        draft.finalize_requested_at = now
        session.flush()
        invoice = invoices.finalize(session, draft.id, now=now)
        return payments.request_payment(
            session, invoice.id, payment_method="pm_card_visa", now=now
        ).id


def _settings(
    database_url: str, gateway: GatewayProcess, folder: Path, processor: str, moment: Moment
) -> dict[str, str]:
    plan = {}
    checkpoint = moment.checkpoint(processor)
    if checkpoint is not None:
        name, nth = checkpoint
        # Held, when something must happen to the gateway before the worker dies.
        do = "hold" if moment.forgets else "kill"
        plan[name] = {"do": do, "nth": nth, "file": str(folder / "reached")}
    return {
        "APP_ENV": "test",
        "DATABASE_URL": database_url,
        "DATA_DIR": str(folder),
        "GATEWAY_URL": gateway.url,
        "GATEWAY_API_KEY": gateway.api_key,
        "GATEWAY_TIMEOUT_SECONDS": str(GATEWAY_TIMEOUT_S),
        "LEASE_SECONDS": str(LEASE_S),
        "SHUTDOWN_TIMEOUT_SECONDS": "1",
        "CHECKPOINTS": json.dumps(plan),
        "FLASK_SKIP_DOTENV": "1",
    }


def _make_trouble(gateway: GatewayProcess, marker: Path, moment: Moment) -> bool:
    """Wait until it has happened. False: it did not, in a time that is long enough."""
    if moment.point is None:
        return not moment.fault or _wait(lambda: gateway.faults_fired() > 0, TROUBLE_TIMEOUT_S)
    if not _wait(lambda: marker.exists() and marker.read_text() != "", TROUBLE_TIMEOUT_S):
        return False
    if moment.forgets:
        gateway.advance(KEYS_FORGOTTEN_AFTER_S)
        os.kill(int(marker.read_text().split()[1]), signal.SIGKILL)
    return True


def _outcome(
    engine: Engine,
    gateway: GatewayProcess,
    payment_id: str,
    processor: str,
    moment: Moment,
    *,
    happened: bool,
) -> Result:
    seen: tuple[object, ...] = ()
    since = 0
    until = time.monotonic() + (REST_TIMEOUT_S if happened else 0)
    while True:
        with engine.connect() as connection:
            row = connection.execute(_STATE, {"payment": payment_id}).one()
        captures = gateway.captures(payment_id)
        shown = (row.status, row.version, captures, row.postings)
        if shown != seen:
            seen, since = shown, row.lease
        idle = row.job != "executing" and row.lease >= since + IDLE_RUNS
        if row.job is None or idle or time.monotonic() > until:
            return Result(
                processor=processor,
                moment=moment.name,
                happened=happened,
                captures=captures,
                status=row.status,
                postings=row.postings,
                at_rest=row.job is None,
            )
        _pause()


def _wait(fact: Callable[[], bool], timeout_s: float) -> bool:
    until = time.monotonic() + timeout_s
    while not fact():
        if time.monotonic() > until:
            return False
        _pause()
    return True


def _pause() -> None:
    threading.Event().wait(POLL_S)


class WorkersProcess:
    """``flask run-workers`` for the payments queue, one process under its supervisor.

    It ends with the process that started it, however that ends: its guard watches a pipe.
    """

    def __init__(self, processor: str, folder: Path, settings: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "flask", "--app", APP, "run-workers"]
        command += ["--processes", "1", "--queues", "payments", "--processor", processor]
        lifeline, self._held_open = os.pipe()
        guard = [sys.executable, "-I", "-S", str(GUARD), str(lifeline), str(GRACE_S)]
        with (folder / "workers.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*guard, *command],
                cwd=PACKAGE.parent,
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lifeline,),
            )
        os.close(lifeline)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        os.close(self._held_open)
        self._process.wait(GRACE_S + STOP_TIMEOUT_S)
