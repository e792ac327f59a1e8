"""What happens, as events with documented names; a log line for each.

EVENTS is an API: names, measurements (numbers) and metadata stay. Handlers are called in the
process where it happened, after the settle has committed; one that fails is reported once per
event and never detached. `attach(handler)` adds one for this process and its later children.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

EVENTS: dict[str, str] = {
    "job.started": "a thread enters perform; metadata: job, kind, queue, attempt, lease",
    "job.completed": "finished; duration_s; wait_s is the time from due to start",
    "job.failed": "will be tried again; duration_s, delay_s; error",
    "job.snoozed": "asked to run later; duration_s, delay_s",
    "job.cancelled": "ended on purpose; duration_s; error",
    "job.discarded": "ended for good after an error; duration_s; error",
    "job.interrupted": "given back because its worker stops; duration_s",
    "job.stale": "its result came after the lease was lost and was rejected; duration_s",
    "job.released": "held jobs were given back unstarted; jobs",
    "job.rescued": "taken from a dead worker; jobs; worker",
    "worker.started": "a child is registered and claims; worker, pid",
    "worker.stopped": "a child ended in order; worker, pid",
    "worker.died": "a child ended otherwise; worker, pid, status",
    "worker.killed": "the supervisor killed a child; worker, pid, reason",
    "worker.fenced": "no renewal in time: starts nothing more; worker",
    "worker.lost": "its row was deleted by a reaper: it stops; worker",
    "database.lost": "a connection failed, it will be made again; component, error",
    "database.found": "connected again; component",
    "leader.elected": "this process does the cluster's chores; worker",
    "leader.resigned": "no longer; worker",
    "jobs.staged": "due jobs became available; jobs",
    "jobs.suspended": "no live worker knows their kind; jobs, kinds",
    "jobs.resumed": "a worker that knows them appeared; jobs",
    "history.dropped": "a partition reached the end of its retention; name",
    "history.unready": "a partition could not be made now; tried again; error",
    "vacuum.refused": "the leader may not vacuum the hot table; error",
    "cron.inserted": "a periodic job was stored; name, minute, job",
    "cron.failed": "a periodic job could not be stored; name, error",
    "loop.failed": "a component failed and goes on; component, error",
}

_WARNINGS = frozenset(
    {
        "job.failed",
        "job.discarded",
        "job.stale",
        "job.rescued",
        "worker.died",
        "worker.killed",
        "worker.fenced",
        "worker.lost",
        "database.lost",
        "jobs.suspended",
        "history.unready",
        "vacuum.refused",
        "cron.failed",
        "loop.failed",
    }
)

logger = logging.getLogger("queue_core")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    name: str
    measurements: Mapping[str, float] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


Handler: TypeAlias = Callable[[Event], None]
_handlers: list[Handler] = []


def attach(handler: Handler) -> Callable[[], None]:
    """Adds a handler; returns a function that removes it."""
    _handlers.append(handler)
    return lambda: _handlers.remove(handler)


def is_heard(name: str) -> bool:
    """Whether building an event is worth the while: at 20,000 jobs a second it is the dearest
    part.
    """
    return bool(_handlers) or logger.isEnabledFor(_level(name))


def emit(name: str, measurements: Mapping[str, float] | None = None, /, **metadata: Any) -> None:
    event = Event(name, measurements or {}, metadata)
    _log(event)
    for handler in tuple(_handlers):
        try:
            handler(event)
        except Exception:
            # A broken metric must not stop a queue, and must not be silent either.
            logger.exception("handler %r failed on %s", handler, name)


def _log(event: Event) -> None:
    level = _level(event.name)
    if not logger.isEnabledFor(level):
        return
    fields = {
        **event.metadata,
        **{name: round(value, 6) for name, value in event.measurements.items()},
    }
    text = " ".join(f"{name}={_short(value)}" for name, value in fields.items())
    logger.log(level, "%s %s", event.name, text, extra={"event": event.name, "fields": fields})


def _level(name: str) -> int:
    return logging.WARNING if name in _WARNINGS else logging.INFO


def _short(value: Any) -> str:
    text = " ".join(str(value).split())  # One event, one line.
    return text if len(text) <= 200 else f"{text[:200]}…"
