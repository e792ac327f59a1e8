"""Makes due jobs available, and sets aside those whose kind nobody knows.

Both are leader's work, idempotent, bounded and SKIP LOCKED: two leaders only share it. Unknown
kinds are never discarded (R9): a split deployment, where the application is newer than some
workers, must lose nothing. They are suspended, because 200,000 of them ahead made a claim 25 ms
instead of 1, and freed when a worker that knows them appears.
"""

from queue_core import checkpoints, telemetry, wakeup
from queue_core.store import Row, Store

STAGE_BATCH = 5000
UNKNOWN_BATCH = 5000
# A deployment may start its workers a little after its application: wait that long before setting
# aside.
UNKNOWN_MIN_AGE_S = 60.0


def stage(store: Store) -> bool:
    """One batch; True when there may be more."""
    rows = store.stage_jobs(limit=STAGE_BATCH)
    if rows:
        checkpoints.reach("stage.committed")
        telemetry.emit("jobs.staged", {"jobs": len(rows)})
        notify(store, rows)
    return len(rows) == STAGE_BATCH


def suspend_unknown(store: Store) -> bool:
    rows = store.suspend_unknown_kinds(limit=UNKNOWN_BATCH, min_age_s=UNKNOWN_MIN_AGE_S)
    if rows:
        kinds = sorted({row["kind"] for row in rows})
        telemetry.emit("jobs.suspended", {"jobs": len(rows)}, kinds=kinds)
    return len(rows) == UNKNOWN_BATCH


def resume_known(store: Store) -> bool:
    rows = store.resume_known_kinds(limit=UNKNOWN_BATCH)
    if rows:
        telemetry.emit("jobs.resumed", {"jobs": len(rows)})
        notify(store, rows)
    return len(rows) == UNKNOWN_BATCH


def notify(store: Store, rows: list[Row]) -> None:
    """After the commit: this connection is AUTOCOMMIT."""
    names = ",".join(sorted({row["queue"] for row in rows}))
    store.notify(channel=wakeup.channel(store.schema), payload=names)
