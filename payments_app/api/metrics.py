"""``/metrics``: requests as counted by the web processes, and the queue as the database has it.

Queue gauges are read by SQL at the scrape, so that any one web process tells the truth about all
workers. Counters of several web processes are summed through ``PROMETHEUS_MULTIPROC_DIR``. With
METRICS_TOKEN set, only who sends it is answered: numbers of a business are its own.
"""

import hmac
import os
from collections.abc import Iterable, Iterator

from flask import Blueprint, Response, current_app, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from payments_app.config import Config
from payments_app.db import Database
from payments_app.queries import gauges
from queue_core import metrics as queue_metrics

blueprint = Blueprint("metrics", __name__)

REQUESTS = Counter("http_requests", "Requests answered.", ["method", "route", "status"])
DURATION = Histogram(
    "http_request_duration_seconds",
    "Time from the first byte read to the answer.",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
REPLAYS = Counter("http_idempotent_replays", "Requests answered from a stored answer.")
# What this process does with the queue (inserts, orders) is counted beside its requests.
queue_metrics.attach()
NEEDS_TOKEN = {"WWW-Authenticate": "Bearer"}
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


def count_request(method: str, route: str, status: int, took_s: float) -> None:
    # The route, not the path, and only known methods: a label that a caller can choose would let
    # anybody fill our memory.
    known = method if method in _METHODS else "other"
    REQUESTS.labels(known, route, str(status)).inc()
    DURATION.labels(known, route).observe(took_s)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Everything that is measured, in Prometheus' text format."""
    if not _may_scrape():
        return Response("METRICS_TOKEN is needed, as Authorization: Bearer …\n", 401, NEEDS_TOKEN)
    database: Database = current_app.extensions["database"]
    body = generate_latest(_web_processes())
    try:
        with database.engine.connect() as connection:
            body += generate_latest(_registry(list(_queue_gauges(connection))))
        answered = 1
    except SQLAlchemyError:
        # The counters are still worth a scrape, and the missing database is a measurement itself.
        answered = 0
    up = GaugeMetricFamily("database_up", "1 when the database answered this scrape.", answered)
    body += generate_latest(_registry([up]))
    return Response(body, content_type=CONTENT_TYPE_LATEST)


def _may_scrape() -> bool:
    config: Config = current_app.extensions["config"]
    if config.metrics_token is None:
        return True
    given = request.headers.get("Authorization", "").encode()
    # In constant time: the answer must not tell how much of a guess was right.
    return hmac.compare_digest(given, f"Bearer {config.metrics_token}".encode())


def _web_processes() -> CollectorRegistry:
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    registry = CollectorRegistry()
    registry.register(queue_metrics.Files())
    return registry


def _queue_gauges(connection: Connection) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("queue_jobs", "Jobs by queue and state.", labels=["queue", "state"])
    for queue, state, count in gauges.jobs_by_state(connection):
        jobs.add_metric([queue, state], count)
    yield jobs
    workers = GaugeMetricFamily("queue_workers", "Live worker processes.", labels=["queue"])
    for queue, count in gauges.live_workers(connection).items():
        workers.add_metric([queue], count)
    yield workers
    yield from queue_metrics.gauges(connection)
    payments = GaugeMetricFamily("open_payments", "Payments under way.", labels=["status"])
    for status, count in gauges.open_payments_by_status(connection):
        payments.add_metric([status], count)
    yield payments


class _Fixed(Collector):
    """Values that were read already."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _registry(metrics: Iterable[Metric]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Fixed(metrics))
    return registry
