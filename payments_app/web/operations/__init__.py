"""The operators' pages: queues, jobs and workers through ``queue_core.control``; the checks."""

from payments_app.web.operations import (
    audit,
    deliveries,
    jobs,
    queues,
    reconciliation,
    schedules,
    workers,
)
from payments_app.web.operations.blueprint import bp

__all__ = ["audit", "bp", "deliveries", "jobs", "queues", "reconciliation", "schedules", "workers"]
