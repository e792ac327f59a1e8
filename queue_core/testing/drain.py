"""Performs waiting jobs in this process, one after another, exactly as a worker would: claim,
execute, settle.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg

from queue_core import clock, control, job
from queue_core.errors import QueueError
from queue_core.lifecycle import DEFAULT_MAX_RESCUES
from queue_core.queue import Queue
from queue_core.registry import Registry
from queue_core.runtime import connect as connecting
from queue_core.runtime.executor import Executor
from queue_core.runtime.rescue import GIVEN_BACK, end_worker
from queue_core.runtime.settler import Settler
from queue_core.store import Row, Store

# A job that snoozes for no time or enqueues itself would drain for ever.
JOBS_MAX = 10_000
DRAIN_LEASE_S = 3600.0


class JobFailed(AssertionError):
    """A drained job failed and `with_safety=False` asked to hear of it."""


def drain_queue(
    queue: Queue,
    *,
    queues: tuple[str, ...] | None = None,
    with_scheduled: bool = False,
    with_recursion: bool = True,
    with_limit: int | None = None,
    with_safety: bool = True,
) -> dict[str, int]:
    """Performs available jobs and counts their outcomes: completed, error, snooze, cancelled,
    discarded.

    with_scheduled: waiting ones too, whatever their time; with_recursion: also those that these
    enqueue; with_limit: at most so many; with_safety=False: the first failure raises.
    """
    names = queues or tuple(settings.name for settings in queue.queues)
    counts: Counter[str] = Counter()
    with _worker(queue, names) as (store, worker_id):
        while sum(counts.values()) < JOBS_MAX:
            left = JOBS_MAX if with_limit is None else with_limit - sum(counts.values())
            if left <= 0:
                return dict(counts)
            if with_scheduled:
                _make_available(queue, names)
            rows = _claim(store, queue.registry, names, worker_id, left, one=with_recursion)
            for row in rows:
                counts[_perform(queue, store, worker_id, row, safely=with_safety)] += 1
            if not rows or not with_recursion:
                return dict(counts)
    raise QueueError(
        f"drain performed {JOBS_MAX} jobs and more are waiting: does one enqueue itself?"
    )


@contextmanager
def _worker(queue: Queue, names: tuple[str, ...]) -> Iterator[tuple[Store, UUID]]:
    connection: psycopg.Connection[Any] = connecting.connect(queue.database_url, "drain")
    try:
        store = Store(connection, queue.schema)
        worker_id = clock.new_id()
        store.register_worker(
            id=worker_id,
            supervisor_id=worker_id,
            node="drain",
            pid=0,
            supervisor_pid=0,
            queues=list(names),
            kinds=queue.registry.kinds,
            lease_s=DRAIN_LEASE_S,
            supervisor_age_s=0.0,
        )
        try:
            yield store, worker_id
        finally:
            # Also when a failure was raised in between: what was claimed and not performed goes
            # back uncharged, and no worker stays that was none.
            end_worker(store, worker_id, lambda _: GIVEN_BACK, max_rescues=DEFAULT_MAX_RESCUES)
    finally:
        connection.close()


def _make_available(queue: Queue, names: tuple[str, ...]) -> None:
    with queue.engine.begin() as connection:
        for name in names:
            which = control.Filter(queue=name, states=("scheduled", "retryable"))
            control.run_now(connection, which, actor="drain_queue", schema=queue.schema)


def _claim(
    store: Store,
    registry: Registry,
    names: tuple[str, ...],
    worker_id: UUID,
    limit: int,
    *,
    one: bool,
) -> list[Row]:
    store.stage_jobs(limit=JOBS_MAX)
    rows: list[Row] = []
    for name in names:
        wanted = min(limit - len(rows), 1 if one else JOBS_MAX)
        if wanted > 0 and not (one and rows):
            rows += store.claim_jobs(
                queue=name,
                kinds=registry.kinds,
                worker_id=worker_id,
                limit=wanted,
                max_rescues=DEFAULT_MAX_RESCUES,
                solo=False,
            )
    return sorted(rows, key=lambda row: (row["priority"], row["scheduled_at"], row["id"]))


def _perform(queue: Queue, store: Store, worker_id: UUID, row: Row, *, safely: bool) -> str:
    executor = Executor(queue.registry, job.sessions_of(queue.engine), queue.schema)
    settler = Settler(queue.registry, worker_id, lambda _: None)
    report = executor.execute(row)
    settler.add([report])
    settler.send(store)()
    error = report.verdict.error
    if error is not None and report.verdict.outcome in {"error", "discarded"} and not safely:
        raise JobFailed(
            f"job {row['id']} ({row['kind']}): {error['kind']}: {error['message']}"
            f"\n{error['trace']}"
        )
    return report.verdict.outcome
