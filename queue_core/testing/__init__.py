"""Helpers for tests of code that enqueues and performs jobs.

Manual mode (the default): jobs are stored and wait; `drain_queue` performs them in this process,
on real connections, through the same statements as production. Inline mode: an insert performs its
job at once, on the caller's connection. `assert_enqueued` and friends look at stored jobs;
`perform_job` calls one worker; ManualClock lets time pass.
"""

from queue_core.testing.assertions import all_enqueued, assert_enqueued, refute_enqueued
from queue_core.testing.drain import JobFailed, drain_queue
from queue_core.testing.inline import inline, perform_job
from queue_core.testing.manual_clock import ManualClock

__all__ = [
    "JobFailed",
    "ManualClock",
    "all_enqueued",
    "assert_enqueued",
    "drain_queue",
    "inline",
    "perform_job",
    "refute_enqueued",
]
