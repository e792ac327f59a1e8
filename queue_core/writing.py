"""Writes prepared jobs: alone, or in batches that take their locks in one order.

All or none: an unknown queue anywhere is refused before a row is written. What happens when a twin
is there: batch.py.
"""

from collections.abc import Sequence

from queue_core.batch import Batch, Inserted, refuse_unknown_queues
from queue_core.newjob import NewJob
from queue_core.store import Store, text_array

# Rows per statement: beyond this the arrays cost more memory than the round trip saves.
BATCH_SIZE = 2000


def write_jobs(store: Store, jobs: list[NewJob]) -> list[Inserted]:
    """In their order, whatever the order of their locks."""
    if len(jobs) == 1 and (alone := _write_alone(store, jobs[0])):
        return [alone]
    if len(jobs) <= BATCH_SIZE:
        return Batch(store, jobs).insert()
    refuse_unknown_queues(store, jobs)
    has_keys = any(job.unique_key is not None for job in jobs)
    places = _lock_order(jobs) if has_keys else list(range(len(jobs)))
    # What was asked for first runs first, in whatever order the rows are written.
    ids = [row["id"] for row in store.allocate_ids(count=len(jobs))] if has_keys else None
    inserted: dict[int, Inserted] = {}
    for start in range(0, len(jobs), BATCH_SIZE):
        some = places[start : start + BATCH_SIZE]
        batch = Batch(store, [jobs[at] for at in some], [ids[at] for at in some] if ids else None)
        inserted.update(zip(some, batch.insert(), strict=True))
    return [inserted[at] for at in range(len(jobs))]


def _lock_order(jobs: Sequence[NewJob]) -> list[int]:
    """Places in the order of their keys, over all batches: of two callers with opposite orders each
    would hold what the other's next statement waits for, and one would die by deadlock.
    """

    def key(at: int) -> tuple[bool, bool, bytes]:
        job = jobs[at]
        return job.unique_key is not None, not job.is_windowed, job.unique_key or b""

    return sorted(range(len(jobs)), key=key)  # Stable: those without a key keep their order.


def _write_alone(store: Store, job: NewJob) -> Inserted | None:
    """The statement for a single job; None where it has met a twin or an unknown queue, or does
    not do: a batch of one then finds out.
    """
    if not job.holds_its_key:
        return None
    rows = store.insert_job(
        queue=job.queue,
        kind=job.kind,
        priority=job.priority,
        max_attempts=job.max_attempts,
        scheduled_at=job.scheduled_at,
        delay_s=job.delay_s,
        unique_key=job.unique_key,
        unique_states=job.unique_states,
        tags=text_array(job.tag_names),
        args=job.args,
        meta=job.meta,
    )
    return Inserted(rows[0]["id"], False, rows[0]["state"]) if rows else None
