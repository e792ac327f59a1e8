"""Stores jobs: in the caller's transaction, always.

A job exists exactly if the business change exists that asked for it. Nothing is sent anywhere
before the commit; the wake-up follows it. Uniqueness is decided by indexes, never by looking
first: two concurrent inserts of one key give one row, whichever commits first, and if the first
rolls back, the second is stored. The existing twin is read in a second statement (the inserting
one cannot see it); it may be gone by then, so at most three rounds are made. Callers must be READ
COMMITTED: under REPEATABLE READ a twin that was committed meanwhile stays invisible.
"""

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from queue_core import checkpoints, telemetry, wakeup
from queue_core.args import JobArgs, PlainArgs
from queue_core.errors import InvalidJob, QueueError
from queue_core.lease import Target, connection_of
from queue_core.newjob import NewJob, prepare
from queue_core.store import DEFAULT_SCHEMA, Store
from queue_core.telemetry import tracing

# Each round means that a twin appeared and vanished between two statements of ours; three in a row
# is a bug elsewhere.
ROUNDS_MAX = 3
# Rows per statement: beyond this the arrays cost more memory than the round trip saves.
BATCH_SIZE = 2000


@dataclass(frozen=True, slots=True)
class Inserted:
    """The stored job, or the twin that was there before (`conflict`)."""

    id: int
    conflict: bool
    state: str


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
    jobs = [prepare(args, **options) for args in many]
    queues, kinds = {job.queue for job in jobs}, {job.kind for job in jobs}
    with tracing.inserting(queues, kinds, len(jobs)) as carried:
        if carried:
            jobs = [job.with_meta(carried) for job in jobs]
        inserted = _insert(Store(connection_of(target), schema), jobs)
    if telemetry.is_heard("job.inserted"):
        _tell(jobs, inserted)
    queues = {
        job.queue for job, one in zip(jobs, inserted, strict=True) if one.state == "available"
    }
    wakeup.after_commit(target, schema, queues)
    return inserted


def _insert(store: Store, jobs: list[NewJob]) -> list[Inserted]:
    inserted: list[Inserted] = []
    for start in range(0, len(jobs), BATCH_SIZE):
        inserted += _Batch(store, jobs[start : start + BATCH_SIZE]).insert()
    checkpoints.reach("insert.written")
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


class _Batch:
    def __init__(self, store: Store, jobs: list[NewJob]) -> None:
        self._store = store
        self._jobs = jobs
        self._results: list[Inserted | None] = [None] * len(jobs)
        self._ids: dict[int, int] = {}

    def insert(self) -> list[Inserted]:
        for _ in range(ROUNDS_MAX):
            open_positions = [at for at, result in enumerate(self._results) if result is None]
            if not open_positions:
                break
            self._take_windows([at for at in open_positions if self._jobs[at].is_windowed])
            self._write(
                [at for at in open_positions if self._results[at] is None and self._may_write(at)]
            )
            self._meet_twins([at for at in open_positions if self._results[at] is None])
        if None in self._results:
            raise QueueError(
                "a unique job appeared and vanished three times in a row: "
                "insert in a READ COMMITTED transaction, and look for a loop that finishes it"
            )
        return [result for result in self._results if result is not None]

    def _may_write(self, at: int) -> bool:
        return not self._jobs[at].is_windowed or at in self._ids

    def _write(self, positions: Sequence[int]) -> None:
        if not positions:
            return
        jobs = [self._jobs[at] for at in positions]
        rows = self._store.insert_jobs(
            ids=[self._ids.get(at) for at in positions],
            queues=[job.queue for job in jobs],
            kinds=[job.kind for job in jobs],
            priorities=[job.priority for job in jobs],
            max_attempts=[job.max_attempts for job in jobs],
            scheduled_ats=[job.scheduled_at for job in jobs],
            delays_s=[job.delay_s for job in jobs],
            suspended=[False for _ in jobs],
            unique_keys=[None if job.is_windowed else job.unique_key for job in jobs],
            unique_states=[None if job.is_windowed else job.unique_states for job in jobs],
            tags=[job.tags for job in jobs],
            args=[job.args for job in jobs],
            metas=[job.meta for job in jobs],
        )
        if len(rows) < len(jobs):
            self._refuse_unknown_queue({job.queue for job in jobs})
        for row in rows:
            if row["state"] is not None:
                self._results[positions[row["position"] - 1]] = Inserted(
                    row["id"], False, row["state"]
                )

    def _refuse_unknown_queue(self, used: set[str]) -> None:
        known = [row["name"] for row in self._store.list_queue_names()]
        unknown = sorted(used - set(known))
        raise InvalidJob(f"queue {unknown[0]!r} is unknown; known are {', '.join(known)}")

    def _meet_twins(self, positions: Sequence[int]) -> None:
        """The others were there first: report them, and wake or change them when asked to."""
        for wakes in (False, True):
            some = [
                at
                for at in positions
                if self._jobs[at].wake is wakes and not self._jobs[at].is_windowed
            ]
            if not some:
                continue
            find = self._store.wake_jobs if wakes else self._store.find_twins
            keys = sorted({self._jobs[at].unique_key or b"" for at in some})
            twins = {bytes(row["unique_key"]): row for row in find(keys=keys)}
            for at in some:
                if twin := twins.get(self._jobs[at].unique_key or b""):
                    self._report(at, twin["id"], twin["state"])

    def _report(self, at: int, twin_id: int, state: str) -> None:
        job = self._jobs[at]
        if job.replace:
            changed = self._store.replace_jobs(
                id=twin_id,
                fields=job.replace,
                args=job.args,
                meta=job.meta,
                tags=list(job.tag_names),
                priority=job.priority,
                max_attempts=job.max_attempts,
                scheduled_at=job.scheduled_at,
                delay_s=job.delay_s,
            )
            state = changed[0]["state"] if changed else state
        self._results[at] = Inserted(twin_id, True, state)

    def _take_windows(self, positions: Sequence[int]) -> None:
        """Windowed keys: take the free ones, take over from holders that no longer count, report
        the rest.
        """
        first: dict[bytes, int] = {}
        for at in positions:
            first.setdefault(self._jobs[at].unique_key or b"", at)
        wanted = sorted((key, at) for key, at in first.items() if at not in self._ids)
        if not wanted:
            self._report_holders(positions, first)
            return
        ids = [row["id"] for row in self._store.allocate_ids(count=len(wanted))]
        new_ids = {at: job_id for (_, at), job_id in zip(wanted, ids, strict=True)}
        jobs = [self._jobs[at] for _, at in wanted]
        taken = self._store.take_unique_keys(
            keys=[key for key, _ in wanted],
            job_ids=ids,
            states=[job.unique_states for job in jobs],
            periods_s=[job.period_s for job in jobs],
            from_ats=[job.window_from for job in jobs],
        )
        for row in taken:
            at = first[bytes(row["key"])]
            self._ids[at] = new_ids[at]
        self._take_over({key: at for key, at in wanted if at not in self._ids}, new_ids)
        self._write([at for at in self._ids if self._results[at] is None])
        self._report_holders([at for at in positions if self._results[at] is None], first)

    def _take_over(self, left: dict[bytes, int], new_ids: dict[int, int]) -> None:
        if not left:
            return
        for row in self._store.find_key_holders(keys=sorted(left)):
            at = left[bytes(row["key"])]
            job = self._jobs[at]
            if row["counts"]:
                continue
            if self._store.take_over_unique_key(
                key=row["key"],
                seen_job_id=row["job_id"],
                job_id=new_ids[at],
                states=job.unique_states,
                period_s=job.period_s,
                from_at=job.window_from,
            ):
                self._ids[at] = new_ids[at]

    def _report_holders(self, positions: Sequence[int], first: dict[bytes, int]) -> None:
        if not positions:
            return
        holders = {
            bytes(row["key"]): row for row in self._store.find_key_holders(keys=sorted(first))
        }
        for at in positions:
            row = holders.get(self._jobs[at].unique_key or b"")
            if row and row["counts"]:
                self._report(at, row["job_id"], row["state"])
