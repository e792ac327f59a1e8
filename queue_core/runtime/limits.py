"""Claims, of plain and of limited queues."""

from collections.abc import Callable
from typing import Any

from queue_core.runtime.lane import Lane
from queue_core.store import Row, Store


def send_claim(
    store: Store, lane: Lane, asked: int, claimant: dict[str, Any]
) -> Callable[[], list[Row]]:
    """Starts the claim within the turn's pipeline; gives back how to fetch its rows, in order."""
    fetch = store.send("claim_jobs", queue=lane.name, limit=asked, **claimant)
    return lambda: sorted(
        fetch(), key=lambda row: (row["priority"], row["scheduled_at"], row["id"])
    )
