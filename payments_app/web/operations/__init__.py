"""The operators' pages: queues, jobs, workers, all through ``queue_core.control``."""

from payments_app.web.operations import jobs, queues, workers
from payments_app.web.operations.blueprint import bp

__all__ = ["bp", "jobs", "queues", "workers"]
