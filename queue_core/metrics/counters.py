"""A Prometheus counter for every event of the catalogue, and histograms of how long jobs take and
wait.

Counters of forked children add up by prometheus_client's own multiprocess mode: each process
writes to files of its own, and what a killed child had counted stays counted. Children of metrics
are kept per labels, because looking them up is dearer than counting.
"""

from collections.abc import Callable
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from queue_core import telemetry
from queue_core.telemetry import EVENTS, Event

DURATIONS_S = (0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0, 300.0)
# From an idle worker's start latency to an hour of backlog.
WAITS_S = (0.002, 0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0, 3600.0)


def metric_name(event: str) -> str:
    """`job.completed` is counted as queue_job_completed_total."""
    return f"queue_{event.replace('.', '_')}"


def attach(registry: CollectorRegistry | None = REGISTRY) -> Callable[[], None]:
    """Counts events in this process and its later children; returns what ends it."""
    counters = Counters(registry)
    detach = telemetry.attach(counters.count)

    def end() -> None:
        detach()
        if registry is not None:
            counters.leave(registry)

    return end


class Counters:
    """`registry` None: only the files of multiprocess mode collect them."""

    def __init__(self, registry: CollectorRegistry | None) -> None:
        self._counters = {
            name: Counter(metric_name(name), spec.when, spec.labels, registry=registry)
            for name, spec in EVENTS.items()
        }
        self._durations = Histogram(
            "queue_job_duration_seconds",
            "From the start of a run to its end, by how it ended.",
            ("queue", "kind", "event"),
            buckets=DURATIONS_S,
            registry=registry,
        )
        self._waits = Histogram(
            "queue_job_wait_seconds",
            "From due to claimed.",
            ("queue",),
            buckets=WAITS_S,
            registry=registry,
        )
        self._children: dict[tuple[str, ...], Any] = {}

    def count(self, event: Event) -> None:
        spec = EVENTS[event.name]
        values = tuple(str(event.metadata.get(label, "")) for label in spec.labels)
        amount = event.measurements[spec.counts] if spec.counts else 1
        self._child(self._counters[event.name], (event.name, *values), values).inc(amount)
        duration_s = event.measurements.get("duration_s")
        if duration_s is not None and spec.labels:
            ended = (values[0], values[1], event.name)
            self._child(self._durations, ("duration", *ended), ended).observe(duration_s)
            if (wait_s := event.measurements.get("wait_s")) is not None:
                self._child(self._waits, ("wait", values[0]), values[:1]).observe(wait_s)

    def leave(self, registry: CollectorRegistry) -> None:
        for metric in (*self._counters.values(), self._durations, self._waits):
            registry.unregister(metric)

    def _child(self, metric: Any, key: tuple[str, ...], values: tuple[str, ...]) -> Any:
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*values) if values else metric
        return child
