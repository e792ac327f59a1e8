"""One queue in one process: what it has claimed is never lost to it."""

from typing import Any

import pytest

from queue_core import Queue
from queue_core.job import sessions_of
from queue_core.runtime.executor import Executor
from queue_core.runtime.lane import Lane
from queue_core.settings import QueueSettings


def test_jobs_that_no_thread_could_be_started_for_can_be_given_back(queue: Queue) -> None:
    """A machine out of threads: claimed, known to nobody but the table, they waited for its end."""

    def no_more() -> int:
        raise RuntimeError("can't start new thread")

    executor = Executor(queue.registry, sessions_of(queue.engine), "queue")
    reports: list[Any] = []
    lane = Lane(QueueSettings("default"), executor, reports.append, no_more)
    rows = [{"id": 1, "lease": 1}, {"id": 2, "lease": 1}]

    with pytest.raises(RuntimeError, match="new thread"):
        lane.claimed(rows, asked=2)

    assert (lane.take_back(), lane.in_flight, reports) == (rows, 0, [])
