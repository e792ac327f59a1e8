"""What this process owns in the database, and giving it back.

`known` are the (id, lease) that were claimed here and are neither settled nor released: running,
held, or waiting to be settled. Everything else that the database says is ours came from a claim
whose reply was lost (R4) and goes back with its attempt. Releasing names the lease, so whoever
settled first has won.
"""

from collections.abc import Iterable
from uuid import UUID

from queue_core import checkpoints, telemetry
from queue_core.store import Row, Store

# Rows per statement while giving back or looking for lost ones.
BATCH_SIZE = 1000
Key = tuple[int, int]


class Holdings:
    """Only the producer calls it."""

    def __init__(self, worker_id: UUID, max_rescues: int) -> None:
        self.known: set[Key] = set()
        self._worker_id = worker_id
        self._max_rescues = max_rescues

    def claimed(self, rows: Iterable[Row]) -> None:
        self.known.update((row["id"], row["lease"]) for row in rows)

    def forget(self, keys: Iterable[Key]) -> None:
        self.known.difference_update(keys)

    def release(self, store: Store, keys: Iterable[Key]) -> None:
        """Back to available, the attempt refunded, nothing charged."""
        wanted = sorted(set(keys))
        if not wanted:
            return
        checkpoints.reach("release.begun")
        for start in range(0, len(wanted), BATCH_SIZE):
            some = wanted[start : start + BATCH_SIZE]
            store.release_jobs(
                ids=[job_id for job_id, _ in some],
                leases=[lease for _, lease in some],
                charged=[False] * len(some),
                rescues=[False] * len(some),
                innocents=[False] * len(some),
                errors=[None] * len(some),
                max_rescues=self._max_rescues,
            )
            self.known.difference_update(some)
        checkpoints.reach("release.committed")
        telemetry.emit("job.released", {"jobs": len(wanted)}, worker=str(self._worker_id))

    def reconcile(self, store: Store, *, min_age_s: float) -> int:
        """Gives back what is ours by the table and unknown to us. Only while no claim is in
        flight.
        """
        rows = store.list_executing(
            worker_ids=[self._worker_id], min_age_s=min_age_s, limit=BATCH_SIZE
        )
        lost = [
            (row["id"], row["lease"]) for row in rows if (row["id"], row["lease"]) not in self.known
        ]
        self.release(store, lost)
        return len(lost)
