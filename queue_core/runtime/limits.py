"""Claims, of plain queues and of queues with a limit over all nodes.

A limited queue locks its limiter row in a statement of its own before the claim, in the same
transaction (a pipeline is one): locked inside the claim, the count would come from a snapshot
taken before the wait, and a limit of one gave two. The lock ends with the turn's commit, when the
claimed rows are executing and count. Plain queues never touch it. Limit and rate hold per value of
an argument when the queue says so; the counters of its values are written under the same lock.
"""

from collections.abc import Callable
from typing import Any

from queue_core.settings import QueueSettings
from queue_core.store import Row, Store


def send_claim(
    store: Store, settings: QueueSettings, asked: int, claimant: dict[str, Any]
) -> Callable[[], list[Row]]:
    """Starts the claim within the turn's pipeline; gives back how to fetch its rows, in order."""
    if settings.is_limited:
        starts, period_s = settings.rate or (None, None)
        store.send("lock_limiter", queue=settings.name, rate_starts=starts, rate_period_s=period_s)
        fetch = store.send(
            "claim_limited_jobs",
            queue=settings.name,
            limit=asked,
            global_limit=settings.global_limit,
            by_key=settings.by is not None,
            rate_starts=starts,
            rate_period_s=period_s,
            **claimant,
        )
    else:
        fetch = store.send("claim_jobs", queue=settings.name, limit=asked, **claimant)
    return lambda: sorted(
        fetch(), key=lambda row: (row["priority"], row["scheduled_at"], row["id"])
    )
