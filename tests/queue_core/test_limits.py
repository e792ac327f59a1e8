"""Limits over all nodes: a limit of one is never two, with many claimers."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from queue_core import Queue
from queue_core.runtime.limits import send_claim
from queue_core.settings import QueueSettings
from queue_core.store import Row
from queue_core.testing import ManualClock
from tests.queue_core.support import Note, Once, Runner, execute, runner

CLAIMERS = 8


def claim(one: Runner, settings: QueueSettings, asked: int = 5) -> list[Row]:
    claimant = {"kinds": ["note", "once"], "worker_id": one.id, "max_rescues": 3, "solo": False}
    with one.connection.pipeline():
        fetch = send_claim(one.store, settings, asked, claimant)
    return fetch()


def fill(queue: Queue, jobs: int) -> None:
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Note(str(number)) for number in range(jobs)])


@pytest.mark.parametrize("limit", [1, 3])
def test_a_global_limit_holds_with_many_claimers(queue: Queue, limit: int) -> None:
    fill(queue, 60)
    settings = QueueSettings("default", global_limit=limit)
    runners = [Runner(queue) for _ in range(CLAIMERS)]

    def work(one: Runner) -> tuple[int, int]:
        most = done = 0
        for _ in range(30):
            for row in claim(one, settings):
                with queue.engine.connect() as connection:
                    statement = "SELECT count(*) FROM queue.jobs WHERE state = 'executing'"
                    most = max(most, connection.exec_driver_sql(statement).scalar_one())
                one.finish(row)
                done += 1
        return most, done

    with ThreadPoolExecutor(CLAIMERS) as pool:
        results = list(pool.map(work, runners))
    for one in runners:
        one.close()

    assert max(most for most, _ in results) <= limit
    assert sum(done for _, done in results) >= 10


def test_without_the_lock_a_limit_of_one_is_two(queue: Queue) -> None:
    """Negative control: the second claim counts by a snapshot in which the first is not there."""
    fill(queue, 300)  # More than the first claim looks at and locks.
    settings = QueueSettings("default", global_limit=1)
    with runner(queue) as first, runner(queue) as second, first.connection.transaction():
        assert len(claim_inside(first, settings)) == 1
        rows = claim_unlocked(second, settings)

    assert len(rows) == 1


def claim_inside(one: Runner, settings: QueueSettings) -> list[Row]:
    one.store.lock_limiter(queue=settings.name, rate_starts=None, rate_period_s=None)
    return claim_unlocked(one, settings)


def claim_unlocked(one: Runner, settings: QueueSettings) -> list[Row]:
    return one.store.claim_limited_jobs(
        queue=settings.name,
        limit=5,
        global_limit=settings.global_limit,
        by_key=False,
        kinds=["note"],
        worker_id=one.id,
        max_rescues=3,
        solo=False,
    )


def test_one_at_a_time_per_value_of_an_argument(queue: Queue) -> None:
    settings = QueueSettings("default", global_limit=1, by="name")
    execute(queue, "UPDATE queue.queues SET limit_key_field = 'name'")
    with queue.engine.begin() as connection:
        for detail in range(3):
            for name in ("a", "b"):
                queue.insert(connection, Once(name, detail), unique=None)

    with runner(queue) as one:
        first = claim(one, settings)
        second = claim(one, settings)
        one.finish(first[0])
        third = claim(one, settings)

    assert [row["args"]["name"] for row in first] == ["a", "b"]
    assert (second, [row["args"]["name"] for row in third]) == ([], ["a"])


def test_a_rate_is_a_number_of_starts_per_time(queue: Queue) -> None:
    fill(queue, 20)
    settings = QueueSettings("default", rate=(3, 3600.0))

    with runner(queue) as one:
        first = claim(one, settings)
        second = claim(one, settings)
        ManualClock(queue).advance(1201)
        one.store.renew_workers(ids=[one.id], lease_s=60.0)
        third = claim(one, settings)

    assert [len(rows) for rows in (first, second, third)] == [3, 0, 1]


def test_a_limited_queue_claims_for_live_workers_only(queue: Queue) -> None:
    fill(queue, 1)
    with runner(queue) as one:
        one.die()

        assert claim(one, QueueSettings("default", global_limit=1)) == []
