"""Forgets keys and counters that nobody counts any more. Leader's work.

A windowed unique key with a period goes when its time has passed. One without a period holds as
long as its job is known: it goes when retention has dropped the job, found by a walk over the keys
in their order, a batch a turn, so that millions of them cost no more than thousands.
"""

from queue_core.store import Store

BATCH_SIZE = 10_000
# Each of these is looked for in every partition of the history.
WALK_SIZE = 1000


class KeySweeper:
    """One per leader; remembers how far the walk has come."""

    def __init__(self) -> None:
        self._after = b""

    def sweep(self, store: Store) -> bool:
        """One batch of each; True when more have run out."""
        forgotten = store.forget_unique_keys(limit=BATCH_SIZE)
        found = store.forget_orphan_keys(after=self._after, limit=WALK_SIZE)[0]
        self._after = bytes(found["last_key"] or b"")  # At the end: from the beginning again.
        store.forget_limiters(limit=BATCH_SIZE)
        return len(forgotten) == BATCH_SIZE
