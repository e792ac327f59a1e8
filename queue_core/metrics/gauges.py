"""What the database knows at the moment of a scrape: true for the whole cluster, whoever asks.

Gauges are not counted by processes: a process that died would leave a wrong one behind.
"""

from collections.abc import Iterator

import sqlalchemy
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from queue_core.store import DEFAULT_SCHEMA, Store

# Unused by gauges, but the statement asks.
LATELY_S = 60.0


def gauges(connection: sqlalchemy.Connection, *, schema: str = DEFAULT_SCHEMA) -> Iterator[Metric]:
    """To be read by one endpoint of the cluster; several would be added up."""
    store = Store(connection, schema)
    paused = GaugeMetricFamily("queue_paused", "1 while a queue is paused.", labels=["queue"])
    oldest = GaugeMetricFamily(
        "queue_oldest_available_seconds", "How long the first job waits.", labels=["queue"]
    )
    for row in store.measure_queues(lately_s=LATELY_S):
        paused.add_metric([row["name"]], float(row["paused"]))
        oldest.add_metric([row["name"]], max(0.0, row["oldest_s"]))
    yield paused
    yield oldest
    late_s = store.find_leader()[0]["late_s"]
    has_leader = late_s is not None and late_s <= 0
    yield GaugeMetricFamily("queue_leader", "1 while somebody does the chores.", float(has_leader))
    dead = store.vacuum_state()[0]["dead"]
    yield GaugeMetricFamily("queue_dead_rows", "Dead rows of the hot table.", float(dead))
    age_s = max((row["age_s"] or 0.0 for row in store.list_snapshots()), default=0.0)
    yield GaugeMetricFamily(
        "queue_oldest_snapshot_seconds", "Age of the oldest transaction that holds rows.", age_s
    )
