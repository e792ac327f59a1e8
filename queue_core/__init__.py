"""A PostgreSQL job queue for synchronous Python: transactional, fenced by leases, fast.

Usable alone: it knows SQL, time and Python, no web framework and no business. Start with Queue,
JobArgs and Worker.
"""

from queue_core.args import JobArgs
from queue_core.batch import Inserted
from queue_core.crontab import Cron
from queue_core.enqueue import insert, insert_all
from queue_core.errors import InvalidJob, LeaseLost, QueueError
from queue_core.job import Job
from queue_core.outcomes import Cancel, Discard, Error, Ok, Outcome, RetryAfter, Snooze
from queue_core.queue import Queue
from queue_core.registry import Worker, worker
from queue_core.unique import Unique

__all__ = [
    "Cancel",
    "Cron",
    "Discard",
    "Error",
    "Inserted",
    "InvalidJob",
    "Job",
    "JobArgs",
    "LeaseLost",
    "Ok",
    "Outcome",
    "Queue",
    "QueueError",
    "RetryAfter",
    "Snooze",
    "Unique",
    "Worker",
    "insert",
    "insert_all",
    "worker",
]
