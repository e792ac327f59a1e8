"""What a scrape measures: the queue's and the payments' present state, in a few cheap counts."""

from collections import Counter

from sqlalchemy import Connection, func, select

from payments_app.domain.payment import LIVE, Payment
from queue_core import control


def jobs_by_state(connection: Connection) -> list[tuple[str, str, int]]:
    """(queue, state, jobs): all unfinished ones, and what finished within a day."""
    stats = control.stats(connection)
    return [(queue, state, n) for queue, states in stats.items() for state, n in states.items()]


def live_workers(connection: Connection) -> dict[str, int]:
    """Worker processes alive now, per queue that they serve."""
    alive = [row for row in control.list_workers(connection) if row["alive"]]
    return dict(Counter(queue for row in alive for queue in row["queues"]))


def open_payments_by_status(connection: Connection) -> list[tuple[str, int]]:
    """Payments under way, by status: read from their partial index, however long the history."""
    counted = connection.execute(
        select(Payment.status, func.count())
        .where(Payment.status.in_(LIVE))
        .group_by(Payment.status)
    )
    return [(str(status), count) for status, count in counted]
