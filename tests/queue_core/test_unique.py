"""Uniqueness: decided by indexes, whoever commits first, rollbacks included."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from queue_core import InvalidJob, Queue, Unique
from queue_core.testing import ManualClock
from queue_core.writing import BATCH_SIZE
from tests.queue_core.support import (
    Note,
    Once,
    Runner,
    attempts,
    execute,
    insert,
    is_waiting,
    job,
    jobs,
    runner,
)
from tests.support.waiting import wait_until

HOUR = Unique(keys=("name",), period=3600)
EVER = Unique(keys=("name",), states="all")
DONE = Unique(keys=("name",), states="successful")


def finish_all(queue: Queue) -> None:
    with runner(queue) as one:
        for row in one.claim(10):
            one.finish(row)


def test_fifty_concurrent_inserters_store_one_job(queue: Queue) -> None:
    chance = random.Random(7)
    fates = [chance.random() < 0.4 for _ in range(49)] + [False]

    def run(rolls_back: object) -> int | None:
        with queue.engine.connect() as connection:
            job_id = queue.insert(connection, Once("same")).id
            if rolls_back:
                connection.rollback()
                return None
            connection.commit()
            return job_id

    with ThreadPoolExecutor(15) as pool:
        ids = set(pool.map(run, fates)) - {None}

    assert [row["id"] for row in jobs(queue)] == list(ids)


@pytest.mark.parametrize("unique", [Unique(keys=("name",)), HOUR, EVER])
def test_when_the_first_inserter_rolls_back_the_second_is_stored(
    queue: Queue, unique: Unique
) -> None:
    with queue.engine.connect() as first, ThreadPoolExecutor(1) as pool:
        queue.insert(first, Once("x", 1), unique=unique)
        second = pool.submit(insert, queue, Once("x", 2), unique=unique)
        wait_until(lambda: is_waiting(queue))
        first.rollback()

        second_id = second.result(timeout=10)

    assert [(row["id"], row["args"]["detail"]) for row in jobs(queue)] == [(second_id, 2)]


@pytest.mark.parametrize("unique", [Unique(keys=("name",)), HOUR, EVER])
def test_when_the_first_inserter_commits_the_second_meets_it(queue: Queue, unique: Unique) -> None:
    with queue.engine.connect() as first, ThreadPoolExecutor(1) as pool:
        first_id = queue.insert(first, Once("x", 1), unique=unique).id
        second = pool.submit(insert, queue, Once("x", 2), unique=unique)
        wait_until(lambda: is_waiting(queue))
        first.commit()

        assert second.result(timeout=10) == first_id

    assert len(jobs(queue)) == 1


def test_a_caller_whose_snapshot_hides_the_twin_fails_aloud(queue: Queue) -> None:
    """READ COMMITTED is asked for in the guide; nothing is stored twice otherwise."""
    with queue.engine.connect() as caller:
        caller.execution_options(isolation_level="REPEATABLE READ")
        caller.exec_driver_sql("SELECT count(*) FROM queue.jobs")
        insert(queue, Once("x"))

        with pytest.raises(OperationalError, match="could not serialize access"):
            queue.insert(caller, Once("x"))


def test_bulk_inserts_in_opposite_orders_do_not_deadlock(queue: Queue) -> None:
    names = [str(number) for number in range(200)]
    start = threading.Barrier(2)

    def run(order: list[str]) -> None:
        with queue.engine.begin() as connection:
            start.wait()
            queue.insert_all(connection, [Once(name) for name in order])

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(run, names), pool.submit(run, names[::-1])]:
            done.result(timeout=20)

    assert len(jobs(queue)) == 200


TWIN = (
    "INSERT INTO queue.jobs (state, queue, kind, unique_key, unique_states)"
    " SELECT state, queue, kind, unique_key, unique_states FROM queue.jobs"
)


def test_the_partial_index_refuses_twins_and_without_it_there_are_some(queue: Queue) -> None:
    """With its negative control: the index is what carries the promise."""
    insert(queue, Once("x"))
    with pytest.raises(IntegrityError, match="jobs_unique"):
        execute(queue, TWIN)

    with queue.engine.connect() as connection:
        connection.exec_driver_sql("DROP INDEX queue.jobs_unique")
        assert connection.exec_driver_sql(TWIN).rowcount == 1
        connection.rollback()


def test_a_finished_job_frees_its_key(queue: Queue) -> None:
    first = insert(queue, Once("x"))
    finish_all(queue)

    assert insert(queue, Once("x")) != first


def test_a_key_for_scheduled_jobs_is_given_up_when_the_job_becomes_available(queue: Queue) -> None:
    unique = Unique(keys=("name",), states="scheduled")
    first = insert(queue, Once("x"), unique=unique, schedule_in=60)
    assert insert(queue, Once("x"), unique=unique, schedule_in=60) == first
    ManualClock(queue).advance(61)
    with runner(queue) as one:
        one.store.stage_jobs(limit=10)

    second = insert(queue, Once("x"), unique=unique, schedule_in=60)

    assert second != first
    assert job(queue, first)["unique_key"] is None


def test_a_retry_does_not_take_its_key_again(queue: Queue) -> None:
    """R7: only inserts can conflict; a twin may have come meanwhile."""
    unique = Unique(keys=("name",), states=("available", "retryable"))
    first = insert(queue, Once("x"), unique=unique)
    with runner(queue) as one:
        row = one.claim()[0]
        second = insert(queue, Once("x"), unique=unique)

        assert one.postpone(row) == [{"id": first, "lease": 1, "state": "retryable"}]

    assert [job(queue, number)["unique_key"] is None for number in (first, second)] == [True, False]


def test_a_period_holds_over_the_end_of_the_job_and_then_ends(queue: Queue) -> None:
    unique = Unique(keys=("name",), period=60, states="all")
    first = insert(queue, Once("x"), unique=unique)
    finish_all(queue)
    assert insert(queue, Once("x"), unique=unique) == first

    ManualClock(queue).advance(61)

    assert insert(queue, Once("x"), unique=unique) != first


def test_a_period_for_unfinished_jobs_ends_with_the_job(queue: Queue) -> None:
    first = insert(queue, Once("x"), unique=HOUR)
    finish_all(queue)

    assert insert(queue, Once("x"), unique=HOUR) != first


def test_successful_jobs_hold_their_key_and_cancelled_ones_do_not(queue: Queue) -> None:
    first = insert(queue, Once("x"), unique=DONE)
    finish_all(queue)
    assert insert(queue, Once("x"), unique=DONE) == first

    other = insert(queue, Once("y"), unique=DONE)
    with runner(queue) as one:
        one.finish(one.claim()[0], "cancelled")

    assert insert(queue, Once("y"), unique=DONE) != other


def test_windowed_twins_within_one_bulk_insert_are_one_job(queue: Queue) -> None:
    with queue.engine.begin() as connection:
        results = queue.insert_all(connection, [Once("x"), Once("y"), Once("x")], unique=EVER)

    assert [one.conflict for one in results] == [False, False, True]
    assert len(jobs(queue)) == 2


def test_bulk_inserts_lock_in_one_order_over_all_batches_and_keep_their_own(queue: Queue) -> None:
    """Of two in opposite orders each held what the other's second statement waited for."""
    execute(queue, "TRUNCATE queue.jobs")  # Rows then lie in the order in which they were written.
    with queue.engine.begin() as connection:
        many = [Once(str(number)) for number in range(BATCH_SIZE + 1)]
        ids = [one.id for one in queue.insert_all(connection, many)]
        written = connection.exec_driver_sql("SELECT unique_key FROM queue.jobs ORDER BY ctid")
        keys = [bytes(key) for key in written.scalars()]

    assert keys == sorted(keys)
    assert ids == sorted(ids)


def test_replace_changes_a_waiting_twin(queue: Queue) -> None:
    first = insert(queue, Once("x", 1), schedule_in=60)

    insert(queue, Once("x", 2), schedule_in=120, priority=5, replace=("args", "scheduled_at"))

    row = job(queue, first)
    assert (row["args"]["detail"], row["priority"], row["state"]) == (2, 0, "scheduled")
    assert (row["scheduled_at"] - row["inserted_at"]).total_seconds() > 100


def test_replace_leaves_the_twin_an_attempt(queue: Queue) -> None:
    first = insert(queue, Once("x"), schedule_in=60)
    execute(queue, "UPDATE queue.jobs SET attempt = 5")

    insert(queue, Once("x"), max_attempts=2, replace=("max_attempts",))

    assert job(queue, first)["max_attempts"] == 6


def test_replace_never_touches_an_executing_twin(queue: Queue) -> None:
    first = insert(queue, Once("x", 1))
    with runner(queue) as one:
        one.claim()
        insert(queue, Once("x", 2), replace=("args",))

    assert job(queue, first)["args"]["detail"] == 1


def test_replace_per_state_holds_for_that_state_alone(queue: Queue) -> None:
    first = insert(queue, Once("x", 1))

    insert(
        queue,
        Once("x", 2),
        replace={"scheduled": ("args",), "available": ("priority",)},
        priority=4,
    )

    row = job(queue, first)
    assert (row["args"]["detail"], row["priority"]) == (1, 4)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Unique(fields=("colour",)),
        lambda: Unique(states="sometimes"),
        lambda: Unique(period=0),
        lambda: Unique(period=float("inf")),
        lambda: Unique(period="1h"),  # type: ignore[arg-type]
        lambda: Unique(keys="name"),  # type: ignore[arg-type]
        lambda: Unique(states=5),  # type: ignore[arg-type]
        lambda: Unique(fields=()),
        lambda: Unique(fields="args"),  # type: ignore[arg-type]
    ],
)
def test_impossible_uniqueness_is_refused(make: object) -> None:
    with pytest.raises(InvalidJob, match="unique:"):
        make()  # type: ignore[operator]


def test_keys_must_be_arguments(queue: Queue) -> None:
    with pytest.raises(InvalidJob, match=r"keys \['colour'\] are no arguments of note"):
        insert(queue, Note(), unique=Unique(keys=("colour",)))


class TestWake:
    """A wake-up that meets its twin is never lost, at whatever moment."""

    def test_a_waiting_twin_becomes_available(self, queue: Queue) -> None:
        first = insert(queue, Once("x"), schedule_in=3600)

        assert insert(queue, Once("x"), wake=True) == first

        assert job(queue, first)["state"] == "available"

    @pytest.mark.parametrize("end", ["finish", "postpone", "complete"])
    def test_an_executing_twin_runs_again(self, queue: Queue, end: str) -> None:
        first = insert(queue, Once("x"))
        with runner(queue) as one:
            row = one.claim()[0]
            insert(queue, Once("x"), wake=True)

            _end(queue, one, row, end)

            assert job(queue, first)["state"] == "available"
            assert one.claim()[0]["lease"] == 2
        assert len(attempts(queue)) == 1

    @pytest.mark.parametrize("end", ["finish", "postpone", "complete"])
    def test_a_twin_that_settles_while_the_wake_up_is_uncommitted_runs_again(
        self, queue: Queue, end: str
    ) -> None:
        first = insert(queue, Once("x"))
        with runner(queue) as one, queue.engine.connect() as waker, ThreadPoolExecutor(1) as pool:
            row = one.claim()[0]
            queue.insert(waker, Once("x"), wake=True)
            done = pool.submit(_end, queue, one, row, end)
            if end == "complete":
                wait_until(lambda: is_waiting(queue))
            else:
                assert done.result(timeout=10) == []  # Locked: skipped, to be repeated.
            waker.commit()
            done.result(timeout=10)
            if end != "complete":
                _end(queue, one, row, end)

        assert job(queue, first)["state"] == "available"

    def test_an_executing_twin_that_dies_with_its_last_attempt_runs_again(
        self, queue: Queue
    ) -> None:
        """Without the wake-up it would be discarded."""
        first, other = (insert(queue, Once(name), max_attempts=1) for name in "xy")
        with runner(queue) as one:
            rows = one.claim(2)
            insert(queue, Once("x"), wake=True)
            for row in rows:
                one.release(row, charged=True, rescue=True)

        assert [job(queue, number)["state"] for number in (first, other)] == [
            *("available", "discarded")
        ]

    def test_a_wake_up_that_comes_after_the_end_is_a_new_job(self, queue: Queue) -> None:
        first = insert(queue, Once("x"))
        finish_all(queue)

        assert insert(queue, Once("x"), wake=True) != first

    def test_without_wake_the_second_insert_is_swallowed(self, queue: Queue) -> None:
        """Negative control."""
        first = insert(queue, Once("x"))
        with runner(queue) as one:
            row = one.claim()[0]
            insert(queue, Once("x"))
            one.finish(row)

        assert job(queue, first)["state"] == "completed"


def _end(queue: Queue, one: Runner, row: dict[str, object], end: str) -> object:
    if end == "finish":
        return one.finish(row)
    if end == "postpone":
        return one.postpone(row, "scheduled", 3600, refund=1)
    from queue_core import lease
    from tests.queue_core.support import token

    with queue.engine.begin() as connection:
        return lease.complete(connection, token(queue, row))
