"""Ends workers of lost nodes, and finds jobs that have lost their worker. Leader's work.

A node is lost when nobody renewed its workers for the lease time. Nobody can know what had started
there, so nothing is charged but `rescues + 1`. After an outage of the database every lease has run
out and every node is alive: the leader then waits one lease time, in which they renew (a renewal
revives an expired row; only its DELETE ends it).
"""

from collections.abc import Callable

from queue_core import checkpoints, clock, telemetry
from queue_core.runtime.options import RuntimeOptions
from queue_core.runtime.rescue import NODE_LOST, release, release_all
from queue_core.store import Store

BATCH_SIZE = 100
ORPHANS_MAX = 1000


class Reaper:
    """`trouble_s` tells when this process last lost the database, by its own clock."""

    def __init__(self, options: RuntimeOptions, trouble_s: Callable[[], float]) -> None:
        self._options = options
        self._trouble_s = trouble_s

    def reap(self, store: Store) -> bool:
        if self._is_after_outage(store):
            return False
        dead = [row["id"] for row in store.delete_expired_workers(limit=BATCH_SIZE)]
        if dead:
            checkpoints.reach("reap.deleted")
            release_all(store, dead, lambda _: NODE_LOST, max_rescues=self._options.max_rescues)
        return len(dead) == BATCH_SIZE

    def sweep(self, store: Store) -> bool:
        """Executing jobs without a worker row: somebody died between the two steps."""
        rows = store.list_orphans(limit=ORPHANS_MAX)
        released = release(store, rows, lambda _: NODE_LOST, max_rescues=self._options.max_rescues)
        if released:
            workers = sorted({str(row["worker_id"]) for row in rows})
            telemetry.emit("job.rescued", {"jobs": released}, workers=workers)
        return released == ORPHANS_MAX

    def _is_after_outage(self, store: Store) -> bool:
        if clock.boottime_s() - self._trouble_s() < self._options.lease_s:
            return True
        up_s = store.server_uptime()[0]["up_s"]
        return up_s is not None and up_s < self._options.lease_s
