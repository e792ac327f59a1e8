"""What happens, as events with documented names; a log line for each.

`attach(handler, "job.completed", …)` is the API for metrics, alarms and traces of one's own. Events
about jobs are emitted after their settle has committed; `catalogue.EVENTS` is the list.
"""

from queue_core.telemetry.bus import Event, Handler, attach, emit, is_heard, logger
from queue_core.telemetry.catalogue import EVENTS, EventSpec

__all__ = ["EVENTS", "Event", "EventSpec", "Handler", "attach", "emit", "is_heard", "logger"]
