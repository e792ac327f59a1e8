"""A trace goes from whoever inserts to whoever performs; a broken tracer stops no job."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from queue_core import Queue, Worker, telemetry
from queue_core.telemetry import tracing
from queue_core.testing import drain_queue
from tests.queue_core.support import Give, Note, Once, execute, insert, job

ROOT = Path(__file__).parent.parent.parent
TRACED_PROGRAM = """
import os, sys
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from queue_core import Queue, telemetry
from tests.queue_core.support import QUEUES, WORKERS

def set_up(event):
    file = open(f"{sys.argv[2]}/{os.getpid()}", "w", buffering=1)
    exporter = ConsoleSpanExporter(out=file, formatter=lambda span: span.name + chr(10))
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=60_000))
    trace.set_tracer_provider(made)

telemetry.attach(set_up, "worker.started")
sys.exit(Queue(sys.argv[1], queues=QUEUES, workers=WORKERS).run(2, stop_when_empty=True))
"""


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    with provider(SimpleSpanProcessor(exporter)):
        yield exporter


@contextmanager
def provider(processor: SpanProcessor) -> Iterator[None]:
    """OpenTelemetry allows one provider per process; tests give it back."""
    before, once = trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(processor)
    trace._TRACER_PROVIDER = made
    try:
        yield
    finally:
        made.shutdown()
        trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE = before, once


def named(spans: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in spans.get_finished_spans() if span.name == name]


def test_performing_continues_the_trace_of_the_insert(
    queue: Queue, spans: InMemorySpanExporter
) -> None:
    with trace.get_tracer("shop").start_as_current_span("checkout") as checkout:
        job_id = insert(queue, Give("none"))
    drain_queue(queue)

    (inserted,), (performed,) = named(spans, "insert default"), named(spans, "perform default")
    assert inserted.parent == checkout.get_span_context()
    assert performed.parent.span_id == inserted.context.span_id
    assert performed.context.trace_id == checkout.get_span_context().trace_id
    assert [link.context.span_id for link in performed.links] == [inserted.context.span_id]
    assert (inserted.kind, performed.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert dict(performed.attributes) == {
        "messaging.system": "queue_core",
        "messaging.operation.name": "perform",
        "messaging.operation.type": "process",
        "messaging.destination.name": "default",
        "messaging.message.id": str(job_id),
        "queue_core.job.kind": "give",
        "queue_core.job.attempt": 1,
        "queue_core.job.lease": 1,
        "queue_core.job.outcome": "completed",
    }


def test_what_a_job_does_belongs_to_its_trace(make_queue: Any, spans: InMemorySpanExporter) -> None:
    class Nested(Worker[Give]):
        def perform(self, job: Any) -> None:
            if job.args.what == "outer":
                with job.session() as session:
                    queue.insert(session, Give("inner"))

    queue = make_queue(Nested)
    insert(queue, Give("outer"))
    drain_queue(queue)

    outer, inner = named(spans, "perform default")
    assert inner.context.trace_id == outer.context.trace_id
    assert named(spans, "insert default")[1].parent.span_id == outer.context.span_id
    assert not trace.get_current_span().get_span_context().is_valid  # Nothing stays behind.


def test_a_run_that_failed_says_so(queue: Queue, spans: InMemorySpanExporter) -> None:
    insert(queue, Give("raise", "boom"))
    insert(queue, Give("snooze"))
    drain_queue(queue)

    failed, snoozed = named(spans, "perform default")
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "boom")
    assert failed.attributes["error.type"] == "ValueError"
    assert failed.attributes["queue_core.job.outcome"] == "error"
    assert [event.name for event in failed.events] == ["exception"]
    assert snoozed.status.status_code is StatusCode.UNSET


def test_a_batch_is_one_span_and_its_jobs_share_it(
    queue: Queue, spans: InMemorySpanExporter
) -> None:
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Note(), Note(), Once("a")])

    (span,) = named(spans, "insert default")
    assert span.attributes["messaging.batch.message_count"] == 3
    assert span.attributes["queue_core.job.kind"] == "note,once"


def test_a_callers_own_trace_context_stays(queue: Queue, spans: InMemorySpanExporter) -> None:
    own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    job_id = insert(queue, Give("none"), meta={"traceparent": own, "tenant": 7})
    drain_queue(queue)

    assert job(queue, job_id)["meta"] == {"traceparent": own, "tenant": 7}
    assert f"{named(spans, 'perform default')[0].context.trace_id:032x}" in own


def test_nonsense_in_meta_starts_a_trace_of_its_own(
    queue: Queue, spans: InMemorySpanExporter
) -> None:
    for nonsense in (5, ["x"], "00-zz", None):
        insert(queue, Give("none"), meta={"traceparent": nonsense})

    assert drain_queue(queue) == {"completed": 4}
    assert [span.parent for span in named(spans, "perform default")] == [None] * 4


def test_a_unique_key_over_meta_is_not_changed_by_a_trace(
    queue: Queue, spans: InMemorySpanExporter
) -> None:
    with trace.get_tracer("shop").start_as_current_span("one"):
        first = insert(queue, Once("a"))
    with trace.get_tracer("shop").start_as_current_span("two"):
        assert insert(queue, Once("a")) == first


def test_a_broken_span_processor_stops_no_job(queue: Queue) -> None:
    class Broken(SpanProcessor):
        def on_start(self, span: Any, parent_context: Any = None) -> None:
            if span.name.startswith("perform"):
                raise RuntimeError("no exporter")

    told: list[telemetry.Event] = []
    detach = telemetry.attach(told.append, "loop.failed")
    with provider(Broken()):
        insert(queue, Give("none"))
        assert drain_queue(queue) == {"completed": 1}
    detach()

    assert [one.metadata["component"] for one in told] == ["tracing"]


def test_a_process_that_ends_lets_its_last_spans_leave(queue: Queue) -> None:
    exporter = InMemorySpanExporter()
    with provider(BatchSpanProcessor(exporter, schedule_delay_millis=60_000)):
        insert(queue, Give("none"))
        drain_queue(queue)
        before = len(exporter.get_finished_spans())
        tracing.flush()

    assert (before, len(named(exporter, "perform default"))) == (0, 1)


@pytest.mark.full
def test_children_that_set_up_their_own_tracer_lose_no_span(queue: Queue, tmp_path: Path) -> None:
    """As docs/guide/events.md says it: in a handler of worker.started, with batches."""
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Give("none") for _ in range(30)])

    subprocess.run(
        [sys.executable, "-c", TRACED_PROGRAM, queue.database_url, str(tmp_path)],
        cwd=ROOT, check=True, timeout=60,
    )  # fmt: skip

    lines = [line for file in tmp_path.iterdir() for line in file.read_text().splitlines()]
    assert lines == ["perform default"] * 30


def test_without_a_provider_nothing_is_written(queue: Queue) -> None:
    job_id = insert(queue, Give("none"))

    assert tracing.performing({}) is tracing.OFF
    assert job(queue, job_id)["meta"] == {}


def test_a_claim_before_tracing_existed_is_performed(
    queue: Queue, spans: InMemorySpanExporter
) -> None:
    execute(queue, "INSERT INTO queue.jobs (state, queue, kind, args)"
            " VALUES ('available', 'default', 'give', '{\"what\": \"none\"}')")  # fmt: skip

    assert drain_queue(queue) == {"completed": 1}
    assert named(spans, "perform default")[0].links == ()


def test_the_queue_never_imports_opentelemetry() -> None:
    """Nor the libraries of metrics: children stay small."""
    program = (
        "import sys, queue_core, queue_core.testing, queue_core.doctor;"
        "from queue_core.telemetry import tracing; tracing.performing({}); tracing.flush();"
        "print([name for name in sys.modules"
        " if name.partition('.')[0] in ('opentelemetry', 'prometheus_client')])"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert ran.stdout == "[]\n"
