"""The work: is there a leader, does anybody know these kinds, does every queue move."""

from collections.abc import Iterator

from queue_core.doctor.finding import Finding, Limits, ok, span, wrong
from queue_core.store import Row, Store

KINDS_MAX = 20


def leader(store: Store, _limits: Limits) -> Iterator[Finding]:
    row = store.find_leader()[0]
    if not row["workers"]:
        yield wrong(
            "workers",
            "no worker process is alive",
            "Start some; jobs wait, and nobody stages, rescues or fires periodic ones.",
        )
        return
    yield ok("workers", f"{row['workers']} worker processes are alive", workers=row["workers"])
    if row["late_s"] is None or row["late_s"] > 0:
        since = (
            "ever was" if row["late_s"] is None else f"since {span(row['late_s'])} ({row['node']})"
        )
        yield wrong(
            "leader",
            f"there is no leader: none {since}",
            "A worker takes the office within a second. If this stays, look for database.lost with "
            "component=leader in the workers' log.",
        )
    else:
        yield ok("leader", f"on {row['node']}", node=row["node"], holder=str(row["holder"]))


def kinds(store: Store, _limits: Limits) -> Iterator[Finding]:
    if not store.find_leader()[0]["workers"]:
        yield ok("kinds", "not asked: no worker is alive")
        return
    rows = store.list_unmatched_kinds(limit=KINDS_MAX)
    for row in rows:
        yield wrong(
            "kinds",
            f"{row['jobs']} jobs of kind {row['kind']!r} wait in queue {row['queue']!r}: "
            "no live worker serves both",
            "Start or upgrade workers that know the kind; these jobs then run by themselves. "
            "If nobody shall, cancel or delete them.",
            **row,
        )
    if not rows:
        yield ok("kinds", "every waiting kind is known to a live worker")


def queues(store: Store, limits: Limits) -> Iterator[Finding]:
    rows = store.measure_queues(lately_s=limits.waiting_max_s)
    for row in rows:
        yield _queue(row, limits)


def _queue(row: Row, limits: Limits) -> Finding:
    name, waiting = row["name"], row["waiting"]
    details = {key: row[key] for key in ("name", "waiting", "oldest_s", "executing", "workers")}
    if row["paused"]:
        if not waiting:
            return ok("queues", f"{name}: paused, nothing waits", **details)
        return wrong(
            "queues",
            f"{name}: paused for {span(row['paused_s'])}, {waiting} jobs wait",
            "Resume it when the reason is gone.",
            **details,
        )
    if not waiting or row["oldest_s"] <= limits.waiting_max_s:
        return ok("queues", f"{name}: {waiting} wait, {row['executing']} run", **details)
    late = f"{name}: {waiting} jobs wait, the first for {span(row['oldest_s'])}"
    if not row["workers"]:
        return wrong(
            "queues",
            f"{late}, and no live worker serves this queue",
            "Start workers for it, or end the drain of those that serve it.",
            **details,
        )
    if not row["executing"] and not row["is_moving"]:
        return wrong(
            "queues",
            f"{late}; {row['workers']} worker processes listen and none starts",
            "See `kinds`; then the queue's limits (a rate or a global limit of too little), and "
            "loop.failed or database.lost in the workers' log.",
            **details,
        )
    return ok("queues", f"{late}, and it moves: more workers would help", **details)


def abandoned(store: Store, limits: Limits) -> Iterator[Finding]:
    rows = store.list_abandoned(grace_s=limits.abandoned_max_s)
    for row in rows:
        where = "has no row any more" if row["node"] is None else f"on {row['node']} is silent"
        yield wrong(
            "abandoned jobs",
            f"{row['jobs']} jobs are executing for worker {row['worker_id']}, which {where}, "
            f"first job {row['first_job']}",
            "The leader gives them back within seconds: see `leader`. If that is well and this "
            "stays, look for loop.failed with component=reaper in its log.",
            **{**row, "worker_id": str(row["worker_id"])},
        )
    if not rows:
        yield ok("abandoned jobs", "every executing job has a live worker")
