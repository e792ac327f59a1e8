"""Stores jobs: in the caller's transaction, always.

A job exists exactly if the business change exists that asked for it. Nothing is sent anywhere
before the commit; the wake-up follows it. What happens when a twin is there: batch.py.
"""

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from queue_core import checkpoints, telemetry, wakeup
from queue_core.alike import find_alike, write_alike
from queue_core.args import JobArgs, PlainArgs
from queue_core.batch import Inserted
from queue_core.lease import Target, connection_of
from queue_core.newjob import NewJob, prepare_all
from queue_core.store import DEFAULT_SCHEMA, Store
from queue_core.telemetry import tracing
from queue_core.writing import write_jobs

# Tests' inline mode: performs instead of storing. Set by testing.inline for the current context
# alone.
performs_inline: ContextVar[
    Callable[[Target, JobArgs | PlainArgs, dict[str, Any]], Inserted] | None
] = ContextVar("performs_inline", default=None)


def insert(
    target: Target, args: JobArgs | PlainArgs, *, schema: str = DEFAULT_SCHEMA, **options: Any
) -> Inserted:
    """Stores one job in the target's transaction; see newjob.prepare for the options."""
    return insert_all(target, [args], schema=schema, **options)[0]


def insert_all(
    target: Target,
    many: Iterable[JobArgs | PlainArgs],
    *,
    schema: str = DEFAULT_SCHEMA,
    **options: Any,
) -> list[Inserted]:
    """Stores jobs in the target's transaction, in order; uniqueness holds among them too."""
    if performs := performs_inline.get():
        return [performs(target, args, options) for args in many]
    many = list(many)
    alike = find_alike(many, options)
    jobs = prepare_all(many, **options) if alike is None else [alike.first]
    queues, kinds = {job.queue for job in jobs}, {job.kind for job in jobs}
    with tracing.inserting(queues, kinds, len(many)) as carried:
        if carried:
            jobs = [job.with_meta(carried) for job in jobs]
        store = Store(connection_of(target), schema)
        inserted = (
            write_jobs(store, jobs)
            if alike is None
            else write_alike(store, jobs[0], alike.documents)
        )
    checkpoints.reach("insert.written")
    if telemetry.is_heard("job.inserted"):
        _tell(jobs if alike is None else jobs * len(many), inserted)
    # Those that are alike have one state, too.
    queues = {
        job.queue for job, one in zip(jobs, inserted, strict=False) if one.state == "available"
    }
    wakeup.after_commit(target, schema, queues)
    return inserted


def _tell(jobs: list[NewJob], inserted: list[Inserted]) -> None:
    """One event per queue and kind, however many jobs: a batch must not flood the log."""
    groups: dict[tuple[str, str], list[Inserted]] = {}
    for job, one in zip(jobs, inserted, strict=True):
        groups.setdefault((job.queue, job.kind), []).append(one)
    for (queue, kind), some in groups.items():
        conflicts = sum(one.conflict for one in some)
        single = {"job": some[0].id} if len(some) == 1 else {}
        measurements = {"jobs": len(some) - conflicts, "conflicts": conflicts}
        telemetry.emit("job.inserted", measurements, kind=kind, queue=queue, **single)
