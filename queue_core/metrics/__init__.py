"""Numbers for Prometheus: counters from events, gauges from the database, an endpoint per node.

Needs prometheus-client; nothing of the queue imports this package until it is used. `attach()`
counts in a process of one's own (a web process), `Queue.run(metrics_port=…)` in workers.
"""

from queue_core.metrics.counters import attach, metric_name
from queue_core.metrics.endpoint import Files, serving
from queue_core.metrics.gauges import gauges

__all__ = ["Files", "attach", "gauges", "metric_name", "serving"]
