"""The server and the machines: connections, a pooler in between, autovacuum, clocks."""

from collections.abc import Callable, Iterator

import sqlalchemy

from queue_core.doctor.finding import Finding, Limits, ok, wrong
from queue_core.store import Store


def connections(store: Store, _limits: Limits) -> Iterator[Finding]:
    row = store.server_state()[0]
    others = row["used"] - row["used_by_workers"]
    free = row["usable"] - others
    details = {name: row[name] for name in ("usable", "used", "used_by_workers", "needed")}
    message = f"{row['used']} of {row['usable']} in use; workers may need {row['needed']}"
    if row["needed"] > free:
        yield wrong(
            "connections",
            f"{message}, and {others} are others'",
            "Raise max_connections, lower the queues' limits or the number of worker processes, or "
            "put a pooler in transaction mode in between.",
            **details,
        )
    else:
        yield ok("connections", message, **details)
    if row["autovacuum"]:
        yield ok("autovacuum", "on")
    else:
        yield wrong(
            "autovacuum",
            "off: nothing vacuums the history and freezes old transactions",
            "Turn it on: ALTER SYSTEM SET autovacuum = on; SELECT pg_reload_conf().",
        )


def pooler(store: Store, _limits: Limits) -> Iterator[Finding]:
    """Well either way; but who wonders why jobs start a second late should read it."""
    own = _own_pid(store.connection)
    if own is None or own == store.server_state()[0]["pid"]:
        yield ok("pooler", "this connection goes to the server itself", pooled=False)
    else:
        yield ok(
            "pooler",
            "this connection goes through a pooler: there LISTEN hears nothing, workers poll",
            pooled=True,
        )


def _own_pid(connection: object) -> int | None:
    """The server process that the key data of this connection name."""
    if isinstance(connection, sqlalchemy.Connection):
        connection = connection.connection.driver_connection
    return getattr(getattr(connection, "info", None), "backend_pid", None)


def clocks(store: Store, limits: Limits, wall_s: Callable[[], float]) -> Iterator[Finding]:
    before_s = wall_s()
    server_s = store.server_state()[0]["clock_s"]
    after_s = wall_s()
    # The answer was made at some moment of the round trip: what that explains is no difference.
    ahead_s = (before_s + after_s) / 2 - server_s
    unsure_s = (after_s - before_s) / 2
    yield _clock("this machine", ahead_s, max(0.0, abs(ahead_s) - unsure_s), limits)
    for row in store.list_clocks():
        worst_s = max(row["ahead_s"], row["behind_s"], key=abs)
        yield _clock(f"node {row['node']}", worst_s, abs(worst_s), limits)


def _clock(whose: str, ahead_s: float, certain_s: float, limits: Limits) -> Finding:
    side = "ahead of" if ahead_s >= 0 else "behind"
    message = f"{whose} is {abs(ahead_s):.3f} s {side} the database"
    if certain_s <= limits.clock_difference_max_s:
        return ok("clocks", message, ahead_s=round(ahead_s, 3))
    return wrong(
        "clocks",
        message,
        "Let NTP set the clocks. Leases and schedules follow the database's clock and are safe; "
        "times in logs, and deadlines that the application computes itself, are not.",
        ahead_s=round(ahead_s, 3),
    )
