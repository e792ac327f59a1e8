"""Limits over all nodes: a limit of one is never two, with many claimers."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from queue_core import InvalidJob, Queue, Unique, clock, control
from queue_core.registry import Registry
from queue_core.runtime.board import Board
from queue_core.runtime.keys import KeySweeper
from queue_core.runtime.limits import send_claim
from queue_core.runtime.node import Node
from queue_core.runtime.options import RuntimeOptions
from queue_core.settings import QueueSettings
from queue_core.store import Row
from queue_core.testing import ManualClock
from tests.queue_core.program import Mark
from tests.queue_core.support import Note, Once, Runner, execute, insert, jobs, runner

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
        rate_starts=None,
        rate_period_s=None,
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


def store_names(queue: Queue, names: str) -> None:
    execute(queue, "UPDATE queue.queues SET limit_key_field = 'name' WHERE name = 'default'")
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Once(name) for name in names], unique=None)


def test_a_busy_customer_does_not_hold_up_the_others(queue: Queue) -> None:
    """However many of its jobs wait ahead: they are passed over, not looked at in turn."""
    settings = QueueSettings("default", global_limit=1, by="name")
    store_names(queue, "a" * 300 + "b")

    with runner(queue) as one:
        names = [[row["args"]["name"] for row in claim(one, settings, asked=2)] for _ in range(3)]

    assert names == [["a"], ["b"], []]


def test_a_value_too_long_for_an_index_stops_no_queue(queue: Queue) -> None:
    """It failed every claim of its process, of other queues too."""
    settings = QueueSettings("default", rate=(2, 3600.0), by="name")
    long = random.Random(1).randbytes(8000).hex()  # Nothing that an index entry could compress.
    execute(queue, "UPDATE queue.queues SET limit_key_field = 'name' WHERE name = 'default'")
    with queue.engine.begin() as connection:
        queue.insert_all(connection, [Once(long), Once(long), Once(long), Once("b")], unique=None)

    with runner(queue) as one:
        taken = [row["args"]["name"] for row in claim(one, settings)]

    assert taken == [long, long, "b"]


def test_nodes_lock_their_limiters_in_one_order(queue: Queue) -> None:
    """In whatever order their queues are written: else they end each other's turns by deadlock."""

    def lanes(*names: str) -> list[str]:
        queues = tuple(QueueSettings(name, global_limit=1) for name in names)
        options = RuntimeOptions(queue.database_url, "queue", queues)
        board, ids = Board(0.0), (clock.new_id(), clock.new_id())
        node = Node(options, Registry(), [], board=board, worker_id=ids[0], supervisor=(ids[1], 1))
        return list(node._lanes)

    assert lanes("b", "a", "c") == lanes("c", "b", "a")


def test_a_rate_per_value_of_an_argument(queue: Queue) -> None:
    settings = QueueSettings("default", rate=(2, 3600.0), by="name")
    store_names(queue, "aaaaabbb")

    with runner(queue) as one:
        first = claim(one, settings, asked=10)
        second = claim(one, settings, asked=10)
        ManualClock(queue).advance(1801)
        one.store.renew_workers(ids=[one.id], lease_s=60.0)
        third = claim(one, settings, asked=10)

    taken = [
        "".join(sorted(row["args"]["name"] for row in rows)) for rows in (first, second, third)
    ]
    assert taken == ["aabb", "", "ab"]


def test_counters_of_values_are_forgotten_when_their_rate_is_whole_again(queue: Queue) -> None:
    settings = QueueSettings("default", rate=(2, 60.0), by="name")
    with queue.engine.begin() as connection:
        control.reset_queue(connection, settings)
    store_names(queue, "ab")

    with runner(queue) as one:
        claim(one, settings)
        KeySweeper().sweep(one.store)
        before = limiters(queue)
        ManualClock(queue).advance(61)
        KeySweeper().sweep(one.store)

    assert (before, limiters(queue)) == (["", "a", "b"], [""])


def test_a_rate_holds_with_many_claimers(queue: Queue) -> None:
    fill(queue, 60)
    settings = QueueSettings("default", rate=(7, 3600.0))
    runners = [Runner(queue) for _ in range(CLAIMERS)]

    with ThreadPoolExecutor(CLAIMERS) as pool:
        taken = [
            count
            for _ in range(2)
            for count in pool.map(lambda one: len(claim(one, settings)), runners)
        ]
    for one in runners:
        one.close()

    assert sum(taken) == 7


def test_jobs_take_the_limit_key_that_their_queue_names_now(queue: Queue) -> None:
    """A queue that was reset to another argument, and a twin whose arguments were replaced."""
    store_names(queue, "a")
    unique = Unique(keys=("name",))
    insert(queue, Once("x", 1), unique=unique)
    with queue.engine.begin() as connection:
        control.reset_queue(connection, QueueSettings("default", global_limit=1, by="detail"))
    assert [row["limit_key"] for row in jobs(queue)] == ["0", "1"]

    insert(queue, Once("x", 2), unique=unique, replace=("args",))

    assert [row["limit_key"] for row in jobs(queue)] == ["0", "2"]


def test_an_operators_limits_hold_until_they_are_reset(queue: Queue) -> None:
    with queue.engine.begin() as connection:
        control.scale_queue(connection, "default", global_limit=3, rate=(25, 1.0))
        control.scale_queue(connection, "default", 7)
    queue.install()

    with queue.engine.begin() as connection:
        kept = next(row for row in control.list_queues(connection) if row["name"] == "default")
        control.scale_queue(connection, "default", no_rate=True, no_global_limit=True)
        gone = next(row for row in control.list_queues(connection) if row["name"] == "default")

    names = ("process_limit", "global_limit", "rate_starts", "rate_period_s")
    assert [kept[name] for name in names] == [7, 3, 25, 1.0]
    assert [gone[name] for name in names] == [7, None, None, None]


@pytest.mark.parametrize(
    "rate", [5, (0, 1), (1, 0), ("1", 1), (1, float("inf")), (1, 2, 3), (1, 1e-300)]
)
def test_an_impossible_rate_is_refused(queue: Queue, rate: object) -> None:
    with pytest.raises(InvalidJob, match=r"rate must be .* like \(25, 1.0\)"):
        QueueSettings.parse("default", {"rate": rate})
    with queue.engine.begin() as connection, pytest.raises(InvalidJob, match="rate must be"):
        control.scale_queue(connection, "default", rate=rate)  # type: ignore[arg-type]


WATCH = """
CREATE TABLE most (executing int);
CREATE FUNCTION watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO most SELECT count(*) FROM queue.jobs WHERE state = 'executing';
    RETURN NULL;
END $$;
CREATE TRIGGER watch AFTER UPDATE ON queue.jobs FOR EACH STATEMENT EXECUTE FUNCTION watch();
"""


def test_worker_processes_keep_a_limit_that_was_set_before_they_started(
    queue: Queue, start: Any
) -> None:
    """Counted in the claims themselves: they see one another's, because they wait in line."""
    with queue.engine.begin() as connection:
        control.scale_queue(connection, "default", global_limit=2)
        queue.insert_all(connection, [Mark(number, takes_s=0.02) for number in range(12)])
        connection.exec_driver_sql(WATCH)
    try:
        assert start(processes=2, stop_when_empty=True).wait() == 0
        with queue.engine.connect() as connection:
            counts = connection.exec_driver_sql("SELECT max(executing) FROM most").scalar_one()
    finally:
        execute(queue, "DROP TABLE most; DROP FUNCTION watch CASCADE")

    assert counts == 2
    assert queue.stats() == {"default": {"completed": 12}}


def limiters(queue: Queue) -> list[str]:
    with queue.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT key FROM queue.limiters ORDER BY key")
        return [row[0] for row in rows]
