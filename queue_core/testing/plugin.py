"""A pytest plugin: `pytest_plugins = ["queue_core.testing.plugin"]`, and a fixture `queue` of your
own.

Fixtures: `drain` performs waiting jobs, `manual_clock` lets time pass, `inline_jobs` performs
every insert at once. Asked for by name and no entry point: one would be imported by every run of
pytest wherever the queue is installed, and before a measurement of coverage begins.
"""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from queue_core.queue import Queue
from queue_core.testing.drain import drain_queue
from queue_core.testing.inline import inline
from queue_core.testing.manual_clock import ManualClock


@pytest.fixture
def drain(queue: Queue) -> Callable[..., dict[str, int]]:
    return partial(drain_queue, queue)


@pytest.fixture
def manual_clock(queue: Queue) -> ManualClock:
    return ManualClock(queue)


@pytest.fixture
def inline_jobs(queue: Queue) -> Iterator[None]:
    with inline(queue):
        yield
