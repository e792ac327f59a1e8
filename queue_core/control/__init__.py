"""Operators' verbs, for code, pages and the command line alike: functions that take a connection
and never commit.

Desired state lives in tables: an order given here holds on every node within a second, also across
restarts and when a notification is lost. Bulk verbs take a Filter; `dry_run=True` tells which jobs
they would touch.
"""

from queue_core.control.cron import (
    add_cron,
    list_cron,
    list_cron_runs,
    pause_cron,
    remove_cron,
    run_cron,
)
from queue_core.control.jobs import (
    cancel,
    count_jobs,
    delete,
    list_jobs,
    rejected,
    retry,
    run_now,
    show_job,
    update,
)
from queue_core.control.queues import (
    drain_workers,
    list_queues,
    list_workers,
    pause_queue,
    reset_queue,
    resume_queue,
    scale_queue,
    stats,
)
from queue_core.control.selection import Changed, Filter

__all__ = [
    "Changed",
    "Filter",
    "add_cron",
    "cancel",
    "count_jobs",
    "delete",
    "drain_workers",
    "list_cron",
    "list_cron_runs",
    "list_jobs",
    "list_queues",
    "list_workers",
    "pause_cron",
    "pause_queue",
    "rejected",
    "remove_cron",
    "reset_queue",
    "resume_queue",
    "retry",
    "run_cron",
    "run_now",
    "scale_queue",
    "show_job",
    "stats",
    "update",
]
