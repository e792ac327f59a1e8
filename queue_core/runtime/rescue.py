"""Takes jobs from dead workers and gives them back, in two steps that no claim can slip between.

First the worker's row is deleted: that waits for claims in flight (they hold it FOR KEY SHARE),
and afterwards none can commit. Then its executing jobs are read in a new snapshot and released by
explicit (id, lease), so that a result that was settled in the meantime has won. A crash between
the steps leaves orphans, which the leader's sweep finds.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from queue_core import checkpoints, telemetry
from queue_core.lifecycle import describe
from queue_core.store import Row, Store

# Rows per statement; every batch commits, so a long one holds no locks.
BATCH_SIZE = 1000
BATCHES_MAX = 1000
WORKER_LOST = json.dumps(describe("WorkerLost", "the worker was lost"))


@dataclass(frozen=True, slots=True)
class Blame:
    """What one job is charged for its worker's end: its attempt, a rescue, both or nothing. Of an
    innocent one a rescue is counted but raises no suspicion.
    """

    charged: bool
    rescue: bool
    innocent: bool = False


NODE_LOST = Blame(charged=False, rescue=True)
KILLED_RUNNING = Blame(charged=True, rescue=True)
# Held by a process that was killed: whatever killed it, this was not it. A thousand neighbours of
# one poisonous job must not all become suspects that run alone.
HELD = Blame(charged=False, rescue=True, innocent=True)
# Given back by a process that ended in order.
GIVEN_BACK = Blame(charged=False, rescue=False)


def end_worker(
    store: Store,
    worker_id: UUID,
    blame: Callable[[Row], Blame],
    *,
    max_rescues: int,
    reason: str = WORKER_LOST,
) -> int:
    """Both steps for one worker that is known to be dead."""
    store.delete_workers(ids=[worker_id])
    checkpoints.reach("reap.deleted")
    return release_all(store, [worker_id], blame, max_rescues=max_rescues, reason=reason)


def release_all(
    store: Store,
    worker_ids: Collection[UUID],
    blame: Callable[[Row], Blame],
    *,
    max_rescues: int,
    reason: str = WORKER_LOST,
) -> int:
    total = 0
    for _ in range(BATCHES_MAX):
        rows = store.list_executing(worker_ids=list(worker_ids), min_age_s=0.0, limit=BATCH_SIZE)
        released = release(store, rows, blame, max_rescues=max_rescues, reason=reason)
        total += released
        if len(rows) < BATCH_SIZE or not released:
            break
    if total:
        telemetry.emit("job.rescued", {"jobs": total}, workers=[str(one) for one in worker_ids])
    return total


def release(
    store: Store,
    rows: Sequence[Row],
    blame: Callable[[Row], Blame],
    *,
    max_rescues: int,
    reason: str = WORKER_LOST,
) -> int:
    if not rows:
        return 0
    blames = [blame(row) for row in rows]
    done = store.release_jobs(
        ids=[row["id"] for row in rows],
        leases=[row["lease"] for row in rows],
        charged=[one.charged for one in blames],
        rescues=[one.rescue for one in blames],
        innocents=[one.innocent for one in blames],
        errors=[reason if one.charged or one.rescue else None for one in blames],
        max_rescues=max_rescues,
    )
    return len(done)
