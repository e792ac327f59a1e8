"""One batch of prepared jobs: written in one statement, and what meets a twin is told.

Uniqueness is decided by indexes, never by looking first: two concurrent inserts of one key give one
row, whichever commits first, and if the first rolls back, the second is stored. The existing twin
is read in a second statement (the inserting one cannot see it); it may be gone by then, so at most
three rounds are made. Callers must be READ COMMITTED: under REPEATABLE READ a twin that was
committed meanwhile stays invisible.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from queue_core.errors import InvalidJob, QueueError
from queue_core.lifecycle import UNFINISHED
from queue_core.newjob import NewJob
from queue_core.store import Row, Store, number_array, text_array

# Each round means that a twin appeared and vanished between two statements of ours; three in a row
# is a bug elsewhere.
ROUNDS_MAX = 3


@dataclass(frozen=True, slots=True)
class Inserted:
    """The stored job, or the twin that was there before (`conflict`)."""

    id: int
    conflict: bool
    state: str


class Batch:
    """Jobs of one statement, and what became of each."""

    def __init__(self, store: Store, jobs: list[NewJob], ids: list[int] | None = None) -> None:
        self._store = store
        self._jobs = jobs
        self._given_ids = ids
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

    def _id(self, at: int) -> int | None:
        """The one that its windowed key was taken for; else the one that was set aside for it."""
        return self._ids.get(at, self._given_ids[at] if self._given_ids else None)

    def _key(self, at: int) -> bytes:
        return self._jobs[at].unique_key or b""

    def _write(self, positions: Sequence[int]) -> None:
        if not positions:
            return
        jobs = [self._jobs[at] for at in positions]
        rows = self._store.insert_jobs(
            ids=_unless_empty([self._id(at) for at in positions]),
            queues=text_array(job.queue for job in jobs),
            kinds=text_array(job.kind for job in jobs),
            priorities=number_array(job.priority for job in jobs),
            max_attempts=number_array(job.max_attempts for job in jobs),
            scheduled_ats=_unless_empty([job.scheduled_at for job in jobs]),
            delays_s=_unless_empty([job.delay_s for job in jobs]),
            suspended=None,
            unique_keys=_unless_empty([None if j.is_windowed else j.unique_key for j in jobs]),
            unique_states=_unless_empty([None if j.is_windowed else j.unique_states for j in jobs]),
            window_keys=_unless_empty([j.unique_key if j.is_windowed else None for j in jobs]),
            tags=text_array(job.tags for job in jobs),
            args=text_array(job.args for job in jobs),
            metas=text_array(job.meta for job in jobs),
        )
        if len(rows) < len(jobs):
            refuse_unknown_queues(self._store, jobs)
        for row in rows:
            if row["state"] is not None:
                self._results[positions[row["position"] - 1]] = Inserted(
                    row["id"], False, row["state"]
                )

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
            keys = sorted({self._key(at) for at in some})
            rows = self._wake(keys=keys) if wakes else self._store.find_twins(keys=keys)
            twins = {bytes(row["unique_key"]): row for row in rows}
            for at in some:
                if twin := twins.get(self._key(at)):
                    self._report(at, twin["id"], twin["state"])

    def _wake(self, *, keys: Sequence[bytes] = (), ids: Sequence[int] = ()) -> list[Row]:
        return self._store.wake_jobs(keys=list(keys), ids=list(ids))

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
            first.setdefault(self._key(at), at)
        wanted = sorted((key, at) for key, at in first.items() if at not in self._ids)
        if not wanted:
            self._report_holders(positions, first)
            return
        ids = self._new_ids([at for _, at in wanted])
        new_ids = {at: job_id for (_, at), job_id in zip(wanted, ids, strict=True)}
        jobs = [self._jobs[at] for _, at in wanted]
        taken = self._store.take_unique_keys(
            keys=[key for key, _ in wanted],
            job_ids=ids,
            states=[job.unique_states for job in jobs],
            periods_s=[job.period_s for job in jobs],
            from_ats=[job.window_from for job in jobs],
            froms_s=[job.window_delay_s for job in jobs],
        )
        for row in taken:
            at = first[bytes(row["key"])]
            self._ids[at] = new_ids[at]
        self._take_over({key: at for key, at in wanted if at not in self._ids}, new_ids)
        self._write([at for at in self._ids if self._results[at] is None])
        self._report_holders([at for at in positions if self._results[at] is None], first)

    def _new_ids(self, positions: Sequence[int]) -> list[int]:
        if self._given_ids:
            return [self._given_ids[at] for at in positions]
        return [row["id"] for row in self._store.allocate_ids(count=len(positions))]

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
                seen_version=row["version"],
                job_id=new_ids[at],
                states=job.unique_states,
                period_s=job.period_s,
                from_at=job.window_from,
                from_s=job.window_delay_s,
            ):
                self._ids[at] = new_ids[at]

    def _report_holders(self, positions: Sequence[int], first: dict[bytes, int]) -> None:
        if not positions:
            return
        rows = self._store.find_key_holders(keys=sorted(first))
        holders = {bytes(row["key"]): row for row in rows if row["counts"]}
        woken = self._wake_holders([at for at in positions if self._jobs[at].wake], holders)
        for at in positions:
            if row := holders.get(self._key(at)):
                state = woken.get(row["job_id"]) if self._jobs[at].wake else row["state"]
                # None: it was unfinished a moment ago and settled before it could be woken.
                if state is not None:
                    self._report(at, row["job_id"], state)

    def _wake_holders(self, positions: Sequence[int], holders: dict[bytes, Row]) -> dict[int, str]:
        """{id: state} of holders that were asked to wake; a finished one has nothing to wake."""
        met = [holders[self._key(at)] for at in positions if self._key(at) in holders]
        ended = {row["job_id"]: row["state"] for row in met if row["state"] not in UNFINISHED}
        waiting = sorted({row["job_id"] for row in met} - set(ended))
        rows = self._wake(ids=waiting) if waiting else []
        return {**ended, **{row["id"]: row["state"] for row in rows}}


def refuse_unknown_queues(store: Store, jobs: Sequence[NewJob]) -> None:
    known = [row["name"] for row in store.list_queue_names()]
    if unknown := {job.queue for job in jobs} - set(known):
        name = min(unknown, key=str)
        raise InvalidJob(f"queue {name!r} is unknown; known are {', '.join(known)}")


def _unless_empty(values: list[Any]) -> list[Any] | None:
    """Nothing for nothing: unnest fills up what is shorter."""
    return None if values.count(None) == len(values) else values
