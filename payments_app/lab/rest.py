"""When a run is over: all jobs of money have ended, or they go round in circles.

Ours always ends, so it is waited for. A rival may be stuck for ever: one whole run of its job,
after the trouble is over, that changes nothing at all means that no further one will.
"""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from payments_app.lab.stage import Stage, TimedOut
from payments_app.process_table import is_running

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
    watch = Watch(stage)
    try:
        stage.until(watch.is_over, "it did not come to rest", timeout_s=float("inf"))
    except TimedOut:
        return False
    return watch.ended


class Watch:
    """Looks again and again, and remembers since when nothing has changed."""

    def __init__(self, stage: Stage) -> None:
        self._engine = stage.engine
        self._gateway = stage.gateway
        self._patient = stage.is_ours
        self._sentences = stage.recorder.sentences
        self._seen: tuple[int, int, int] | None = None
        self._since = 0
        self.ended = False

    def is_over(self) -> bool:
        try:
            with self._engine.connect() as connection:
                row = connection.execute(_QUERY, {"kinds": KINDS}).one()
        except DBAPIError:
            return False  # The run's own fault cut this connection, too.
        if row.executing or self._has_zombies():
            return False
        if row.unfinished == 0:
            self.ended = True
            return True
        if self._patient:
            return False
        journal = self._gateway.journal()
        shown = (int(row.changes), len(journal["captures"]), len(journal["refunds"]))
        if shown != self._seen:
            self._seen, self._since = shown, int(row.runs)
        return int(row.runs) >= self._since + IDLE_RUNS

    def _has_zombies(self) -> bool:
        """Whether a worker that lost its lease is still at work: what it does now counts, too."""
        return any(is_running(pid) for pid in set(self._sentences.running.copy().values()))
