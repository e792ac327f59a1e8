"""Spans for OpenTelemetry, when the application has set it up; otherwise nothing at all.

Whoever inserts writes a PRODUCER span and its W3C trace context into the job's meta; whoever
performs the job continues that trace in a CONSUMER span, which also links to it (OpenTelemetry's
conventions for messaging). The API is never imported here: an application that wants spans has
imported it to say where they go, so a look into sys.modules is all that the others pay.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from queue_core.telemetry.bus import emit

NAME = "queue_core"
CARRIED = ("traceparent", "tracestate")
# Outcomes that are a span's error; what a job decided itself is none.
_ERRORS = frozenset({"error", "discarded"})
# How long a stopping child waits for its last spans to leave.
FLUSH_S = 1.0


def api() -> Any:
    """The module opentelemetry.trace, if a provider is set; else None."""
    trace = sys.modules.get("opentelemetry.trace")
    proxy = getattr(trace, "ProxyTracerProvider", None)  # None while it is being imported.
    if trace is None or proxy is None or isinstance(trace.get_tracer_provider(), proxy):
        return None
    return trace


@contextmanager
def inserting(queues: set[str], kinds: set[str], jobs: int) -> Iterator[Mapping[str, str]]:
    """A span around an insert; gives what its jobs carry in meta: nothing when nobody traces."""
    trace = api()
    if trace is None:
        yield {}
        return
    queue = next(iter(queues)) if len(queues) == 1 else ""
    attributes = _attributes("insert", "send", queue, ",".join(sorted(kinds)))
    if jobs > 1:
        attributes["messaging.batch.message_count"] = jobs
    with trace.get_tracer(NAME).start_as_current_span(
        f"insert {queue}".strip(), kind=trace.SpanKind.PRODUCER, attributes=attributes
    ):
        yield _context_to_carry()


def performing(row: Mapping[str, Any]) -> "Off | _Performing":
    """A span around one run of a job; its `record` takes what the run led to."""
    trace = api()
    return OFF if trace is None else _Performing(trace, row)


def flush() -> None:
    """Lets the last spans of this process leave, for a bounded time: children have no atexit."""
    trace = api()
    force = getattr(trace.get_tracer_provider(), "force_flush", None) if trace else None
    if force is not None:
        try:
            force(int(FLUSH_S * 1000))
        except Exception as error:  # noqa: BLE001
            # Nobody waits for spans, least of all a process that ends.
            emit("loop.failed", component="tracing", error=repr(error))


class Off:
    """The span of those who do not trace."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def record(self, _outcome: str, _error: Mapping[str, Any] | None, _result: object) -> None:
        return None


OFF = Off()


class _Performing:
    """Guards itself: a broken exporter, sampler or processor must not fail a job."""

    def __init__(self, trace: Any, row: Mapping[str, Any]) -> None:
        self._trace = trace
        self._row = row
        self._span: Any = None
        self._token: Any = None

    def __enter__(self) -> Self:
        try:
            self._begin()
        except Exception as error:  # noqa: BLE001
            emit("loop.failed", component="tracing", error=repr(error))
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._end()
        except Exception as error:  # noqa: BLE001
            emit("loop.failed", component="tracing", error=repr(error))

    def record(self, outcome: str, error: Mapping[str, Any] | None, result: object) -> None:
        """What the run led to; an exception becomes an event of the span."""
        if self._span is None:
            return
        self._span.set_attribute("queue_core.job.outcome", outcome)
        if isinstance(result, BaseException):
            self._span.record_exception(result)
        if outcome in _ERRORS and error is not None:
            self._span.set_attribute("error.type", error["kind"])
            self._span.set_status(self._trace.StatusCode.ERROR, error["message"])

    def _begin(self) -> None:
        from opentelemetry import context

        row, trace = self._row, self._trace
        parent = _propagator().extract(_carried(row["meta"]))
        origin = trace.get_current_span(parent).get_span_context()
        attributes = _attributes("perform", "process", row["queue"], row["kind"])
        attributes |= {
            "messaging.message.id": str(row["id"]),
            "queue_core.job.attempt": row["attempt"],
            "queue_core.job.lease": row["lease"],
        }
        span = trace.get_tracer(NAME).start_span(
            f"perform {row['queue']}",
            context=parent,
            kind=trace.SpanKind.CONSUMER,
            attributes=attributes,
            links=[trace.Link(origin)] if origin.is_valid else [],
        )
        self._token = context.attach(trace.set_span_in_context(span, parent))
        self._span = span

    def _end(self) -> None:
        from opentelemetry import context

        if self._token is not None:
            context.detach(self._token)
        if self._span is not None:
            self._span.end()


def _attributes(operation: str, kind_of_operation: str, queue: str, kind: str) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "messaging.system": NAME,
        "messaging.operation.name": operation,
        "messaging.operation.type": kind_of_operation,
        "queue_core.job.kind": kind,
    }
    return {**attributes, "messaging.destination.name": queue} if queue else attributes


def _propagator() -> Any:
    # Not the application's own choice: meta is JSON in a row, and baggage may be anything.
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator()


def _context_to_carry() -> Mapping[str, str]:
    carrier: dict[str, str] = {}
    _propagator().inject(carrier)
    return carrier


def _carried(meta: Mapping[str, Any]) -> dict[str, str]:
    # Whoever inserts may write anything under these names.
    return {name: meta[name] for name in CARRIED if isinstance(meta.get(name), str)}
