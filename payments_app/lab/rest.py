"""When a run is over: all jobs of money have ended, or they go round in circles.

Ours always ends, so it is waited for. A rival may be stuck for ever: one whole run of its job,
after the trouble is over, that changes nothing at all means that no further one will.
"""

from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from payments_app.lab.processes import GatewayProcess
from payments_app.lab.stage import Stage, TimedOut

KINDS = [
    "process_payment",
    "process_refund",
    "lab_refund",
    "lab_event",
    "handle_gateway_event",
    "cancel_orphan_intent",
]
IDLE_RUNS = 1
_QUERY = text((Path(__file__).parent / "sql" / "rest.sql").read_text(encoding="utf-8"))


def rest(stage: Stage) -> bool:
    """Leave everything alone until nothing changes any more. False: a job never ends."""
    watch = Watch(stage.engine, stage.gateway, patient=stage.is_ours)
    try:
        stage.until(watch.is_over, "it did not come to rest", timeout_s=float("inf"))
    except TimedOut:
        return False
    return watch.ended


class Watch:
    """Looks again and again, and remembers since when nothing has changed."""

    def __init__(self, engine: Engine, gateway: GatewayProcess, *, patient: bool) -> None:
        self._engine = engine
        self._gateway = gateway
        self._patient = patient
        self._seen: tuple[int, int, int] | None = None
        self._since = 0
        self.ended = False

    def is_over(self) -> bool:
        try:
            with self._engine.connect() as connection:
                row = connection.execute(_QUERY, {"kinds": KINDS}).one()
        except DBAPIError:
            return False  # The run's own fault cut this connection, too.
        if row.unfinished == 0:
            self.ended = True
            return True
        if self._patient or row.executing:
            return False
        journal = self._gateway.journal()
        shown = (int(row.changes), len(journal["captures"]), len(journal["refunds"]))
        if shown != self._seen:
            self._seen, self._since = shown, int(row.runs)
        return int(row.runs) >= self._since + IDLE_RUNS
