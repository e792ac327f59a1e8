"""Every event as data: when it is emitted, what is measured, what is told with it, how loud it is.

This is an API. Names, measurements and metadata stay; a new version only adds. docs/guide/events.md
is compared with it, every `emit` in the code is compared with it, and metrics.py makes one metric
of each entry, so that none of the three can forget an event.
"""

import logging
from dataclasses import dataclass

INFO, WARNING = logging.INFO, logging.WARNING


@dataclass(frozen=True, slots=True)
class EventSpec:
    """`measurements` are numbers, `metadata` says who and why; what not always comes ends with "?".

    `labels` are the metadata that metrics are counted by: few values each, never an id.
    """

    when: str
    measurements: tuple[str, ...] = ()
    metadata: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    level: int = INFO

    @property
    def counts(self) -> str | None:
        """The measurement by which a counter grows; None: by one."""
        return "jobs" if "jobs" in self.measurements else None


_RUN = ("job", "kind", "queue", "attempt", "lease")
_BY = ("queue", "kind")
_WORKER = ("worker",)


def _ended(when: str, *more: str, error: bool = False, level: int = INFO) -> EventSpec:
    return EventSpec(
        when,
        ("duration_s", "wait_s?", *more),
        (*_RUN, "error") if error else (*_RUN, "error?"),
        _BY,
        level,
    )


EVENTS: dict[str, EventSpec] = {
    "job.inserted": EventSpec(
        "rows were written in the caller's transaction, which may still roll back",
        ("jobs", "conflicts"),
        ("kind", "queue", "job?"),
        _BY,
    ),
    "job.started": EventSpec(
        "a thread is about to enter perform; wait_s is from due to claimed",
        ("wait_s?",),
        _RUN,
        _BY,
    ),
    "job.completed": _ended("finished; wait_s is from due to claimed"),
    "job.failed": _ended("will be tried again after delay_s", "delay_s?", level=WARNING),
    "job.snoozed": _ended("asked to run again after delay_s", "delay_s?"),
    "job.cancelled": _ended("ended on purpose"),
    "job.discarded": _ended("ended for good after an error", level=WARNING),
    "job.interrupted": _ended("given back because its worker stops"),
    "job.stale": _ended(
        "its result came after the lease was lost and was rejected", "delay_s?", level=WARNING
    ),
    "job.result_dropped": EventSpec(
        "perform gave a value after the job had completed itself: use job.record(value)",
        (),
        ("job", "kind", "queue"),
        _BY,
        WARNING,
    ),
    "job.released": EventSpec("held jobs were given back unstarted", ("jobs",), _WORKER),
    "job.rescued": EventSpec(
        "taken from workers that are dead", ("jobs",), ("workers",), level=WARNING
    ),
    "jobs.staged": EventSpec("due jobs became available", ("jobs",)),
    "jobs.suspended": EventSpec(
        "set aside: no live worker knows their kind", ("jobs",), ("kinds",), level=WARNING
    ),
    "jobs.resumed": EventSpec("freed: a worker that knows their kind appeared", ("jobs",)),
    "queue.paused": EventSpec(
        "an operator's order, in the transaction of the order", (), ("queue", "actor"), ("queue",)
    ),
    "queue.resumed": EventSpec("likewise", (), ("queue", "actor"), ("queue",)),
    "queue.scaled": EventSpec("likewise", (), ("queue", "actor"), ("queue",)),
    "queue.reset": EventSpec("likewise", (), ("queue", "actor"), ("queue",)),
    "worker.forked": EventSpec("the supervisor started a child", (), ("worker", "pid")),
    "worker.started": EventSpec("a child is registered and claims", (), ("worker", "pid")),
    "worker.stopped": EventSpec("a child begins to stop", (), ("worker", "pid", "reason")),
    "worker.exited": EventSpec("a child ended in order", (), ("worker", "pid", "status")),
    "worker.died": EventSpec(
        "a child ended otherwise", (), ("worker", "pid", "status"), level=WARNING
    ),
    "worker.killed": EventSpec(
        "the supervisor killed a child", (), ("worker", "pid", "reason"), level=WARNING
    ),
    "worker.fenced": EventSpec(
        "no renewal in time: it starts nothing more", (), _WORKER, level=WARNING
    ),
    "worker.lost": EventSpec(
        "its row was deleted by a reaper: it stops", (), _WORKER, level=WARNING
    ),
    "database.lost": EventSpec(
        "a connection failed and will be made again",
        (),
        ("component", "error"),
        ("component",),
        WARNING,
    ),
    "database.found": EventSpec("connected again", (), ("component",), ("component",)),
    "leader.elected": EventSpec("this process does the cluster's chores", (), _WORKER),
    "leader.resigned": EventSpec("no longer", (), _WORKER),
    "history.made": EventSpec("a daily partition was made ahead", (), ("parent", "days_ahead")),
    "history.dropped": EventSpec("a partition reached the end of its retention", (), ("name",)),
    "history.unready": EventSpec(
        "a partition could not be made or dropped now; tried again", (), ("error",), level=WARNING
    ),
    "vacuum.done": EventSpec(
        "the leader vacuumed the hot table", ("duration_s", "dead_before", "dead_after")
    ),
    "vacuum.refused": EventSpec(
        "the leader may not vacuum the hot table", (), ("error",), level=WARNING
    ),
    "cron.inserted": EventSpec(
        "a periodic job was stored", (), ("name", "minute", "job"), ("name",)
    ),
    "cron.failed": EventSpec(
        "a periodic job could not be stored", (), ("name", "error"), ("name",), WARNING
    ),
    "loop.failed": EventSpec(
        "a component failed and goes on", (), ("component", "error"), ("component",), WARNING
    ),
}


def table() -> str:
    """The catalogue as docs/guide/events.md shows it."""
    rows = [
        f"| `{name}` | {spec.when} | {_listed(spec.measurements)} | {_listed(spec.metadata)} |"
        f" {'warning' if spec.level == WARNING else 'info'} |"
        for name, spec in EVENTS.items()
    ]
    head = "| event | emitted when | measurements | metadata | level |\n|---|---|---|---|---|"
    return "\n".join([head, *rows])


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "–"
