"""The leader vacuums the hot table itself, every few seconds of churn.

Autovacuum looks once a minute; at 20,000 jobs a second that is more than a million dead entries
which every claim walks over (throughput fell to half within 40 s). A vacuum of the small hot table
takes milliseconds. It pauses while an old snapshot (a report, a backup) keeps the dead rows alive:
vacuuming then reads everything and removes nothing.
"""

import psycopg

from queue_core import clock, telemetry
from queue_core.store import Store

# Below this, claims do not feel dead rows.
CHURN_MIN = 5000
EVERY_S = 2.0


class Vacuum:
    """Runs on an AUTOCOMMIT connection of its own, in the leader's second thread."""

    def __init__(self) -> None:
        self._churned = 0
        self._dead = 0
        self._horizon: int | None = None
        self._is_refused = False

    def tick(self, store: Store) -> None:
        rows = store.vacuum_state()
        if not rows or self._is_refused:
            return
        state = rows[0]
        if not state["may_vacuum"]:
            # Needs ownership, or MAINTAIN from PostgreSQL 17. Autovacuum still works, later. Asked
            # beforehand: the server answers a forbidden VACUUM with a warning, as if it were done.
            self._is_refused = True
            telemetry.emit("vacuum.refused", error=f"no right to vacuum {store.schema}.jobs")
            return
        if state["churned"] - self._churned < CHURN_MIN:
            return
        if (
            self._dead > CHURN_MIN
            and state["horizon"] is not None
            and state["horizon"] == self._horizon
        ):
            return
        self._churned, self._horizon = state["churned"], state["horizon"]
        begun_s = clock.boottime_s()
        _vacuum(store)
        took_s = clock.boottime_s() - begun_s
        after = store.vacuum_state()
        self._dead = after[0]["dead"] if after else 0
        telemetry.emit(
            "vacuum.done",
            {"duration_s": took_s, "dead_before": state["dead"], "dead_after": self._dead},
        )


def _vacuum(store: Store) -> None:
    assert isinstance(store.connection, psycopg.Connection)
    store.connection.execute(
        f"VACUUM (SKIP_LOCKED, INDEX_CLEANUP ON, TRUNCATE OFF) {store.schema}.jobs".encode()
    )
