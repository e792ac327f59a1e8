"""Tells handlers what happened, and writes a log line for each event.

Handlers run in the process and the thread where it happened. One that raises is reported in the
log and called again next time: a broken metric must neither stop a queue nor vanish silently. An
event without a listener costs one look-up.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from queue_core.telemetry.catalogue import EVENTS

# A longer text would be a document in the middle of a log.
TEXT_MAX = 200

logger = logging.getLogger("queue_core")


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened."""

    name: str
    measurements: Mapping[str, float] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)


Handler: TypeAlias = Callable[[Event], None]

_LEVELS = {name: spec.level for name, spec in EVENTS.items()}
_lock = threading.Lock()
# Replaced as a whole when a handler comes or goes: who is emitting keeps the tuple it has.
_handlers: dict[str, tuple[Handler, ...]] = dict.fromkeys(EVENTS, ())


def attach(handler: Handler, *names: str) -> Callable[[], None]:
    """Calls `handler` for these events (none named: for all), here and in children forked later.

    Returns a function that detaches it; calling that twice does nothing.
    """
    if unknown := sorted(set(names) - set(EVENTS)):
        raise ValueError(f"event {unknown[0]!r} is unknown; known are {', '.join(EVENTS)}")

    # An object of its own for each attachment: the same function may be attached twice.
    def entry(event: Event) -> None:
        handler(event)

    entry.__qualname__ = getattr(handler, "__qualname__", repr(handler))
    wanted = names or tuple(EVENTS)
    _change(wanted, lambda before: (*before, entry))
    return lambda: _change(wanted, lambda before: tuple(one for one in before if one is not entry))


def is_heard(name: str) -> bool:
    """Whether building an event is worth the while: at 20,000 jobs a second it is the dearest
    part.
    """
    return bool(_handlers[name]) or logger.isEnabledFor(_LEVELS[name])


def emit(name: str, measurements: Mapping[str, float] | None = None, /, **metadata: Any) -> None:
    if not is_heard(name):
        return
    event = Event(name, measurements or {}, metadata)
    _log(event)
    for handler in _handlers[name]:
        try:
            handler(event)
        except (Exception, SystemExit):
            # SystemExit too: in a job's thread it would be taken for the job's own end.
            logger.exception("handler %s failed on %s", handler.__qualname__, name)


def _change(
    names: tuple[str, ...], edit: Callable[[tuple[Handler, ...]], tuple[Handler, ...]]
) -> None:
    global _handlers  # noqa: PLW0603 - one table per process, swapped in one step
    with _lock:
        _handlers = {**_handlers, **{name: edit(_handlers[name]) for name in names}}


def _log(event: Event) -> None:
    level = _LEVELS[event.name]
    if not logger.isEnabledFor(level):
        return
    fields = {
        **event.metadata,
        **{name: round(value, 6) for name, value in event.measurements.items()},
    }
    text = " ".join(f"{name}={_short(value)}" for name, value in fields.items())
    logger.log(level, "%s %s", event.name, text, extra={"event": event.name, "fields": fields})


def _short(value: Any) -> str:
    text = " ".join(str(value).split())  # One event, one line.
    return text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}…"
