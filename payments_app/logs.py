"""One log for everything: a line for people, or an object of JSON for machines (LOG_FORMAT).

Our own events, the queue's and every library's go through the same renderer to standard error, so
that commands with ``--json`` keep standard output to themselves. The queue writes plain `logging`
records that carry their fields; here the fields become keys again.
"""

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

# Libraries that tell their life story at INFO.
QUIET = ("alembic", "stripe", "urllib3", "fontTools")


def configure(log_format: str) -> None:
    """Set up logging for this process; called by real processes, not by tests."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _fields_of_the_queue],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(log_format),
            ],
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _fields_of_the_queue(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    fields = getattr(event["_record"], "fields", None)
    if fields is None:
        return event
    return {**event, **fields, "event": event["_record"].event}


def _renderers(log_format: str) -> list[structlog.typing.Processor]:
    if log_format == "json":
        return [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            pad_event_to=24,
            # The default prints the local variables of every frame: API keys among them.
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]
