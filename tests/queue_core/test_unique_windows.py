"""Windowed uniqueness and keys for some states only: what ends them, what meets them, what not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from queue_core import InvalidJob, Queue, Unique, control
from queue_core.newjob import prepare
from queue_core.runtime.keys import KeySweeper
from queue_core.store import Row
from queue_core.testing import ManualClock
from queue_core.writing import write_jobs
from tests.queue_core.support import (
    Once,
    Runner,
    WeakStore,
    execute,
    insert,
    is_waiting,
    job,
    jobs,
    runner,
    weaken,
)
from tests.support.waiting import wait_until

EVER = Unique(keys=("name",), states="all")
HOUR = Unique(keys=("name",), period=3600)
SCHEDULED = Unique(keys=("name",), states="scheduled")


def keys(queue: Queue) -> int:
    with queue.engine.connect() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM queue.unique_keys").scalar_one()
        return int(count)


def finish(one: Runner, state: str = "completed") -> None:
    for row in one.claim(10):
        one.finish(row, state)


class TestSomeStatesOnly:
    """The new job's own state need not be among the unique ones: the twin's counts."""

    def test_a_job_for_now_meets_its_scheduled_twin(self, queue: Queue) -> None:
        first = insert(queue, Once("x"), unique=SCHEDULED, schedule_in=60)

        with queue.engine.begin() as connection:
            second = queue.insert(connection, Once("x"), unique=SCHEDULED)

        assert (second.id, second.conflict, second.state) == (first, True, "scheduled")

    def test_a_scheduled_twin_within_the_same_call_counts(self, queue: Queue) -> None:
        """Two available ones may both be stored: neither is in a unique state."""
        with queue.engine.begin() as connection:
            pair = [
                queue.insert_all(connection, [Once("a")], unique=SCHEDULED, schedule_in=60)[0],
                *queue.insert_all(connection, [Once("a"), Once("b"), Once("b")], unique=SCHEDULED),
            ]

        assert [one.conflict for one in pair] == [False, True, False, False]

    def test_a_job_for_now_wakes_its_scheduled_twin(self, queue: Queue) -> None:
        first = insert(queue, Once("x"), unique=SCHEDULED, schedule_in=60)

        assert insert(queue, Once("x"), unique=SCHEDULED, wake=True) == first
        assert job(queue, first)["state"] == "available"

    def test_states_in_which_no_job_begins_are_refused(self) -> None:
        with pytest.raises(InvalidJob, match=r"'available' or 'scheduled' .* {'global_limit': 1"):
            Unique(states=("executing",))

    def test_an_explicit_list_of_states_is_held_to(self, queue: Queue) -> None:
        unique = Unique(keys=("name",), states=("available", "executing"))
        first = insert(queue, Once("x"), unique=unique)
        assert insert(queue, Once("x"), unique=unique, schedule_in=60) == first
        with runner(queue) as one:
            one.postpone(one.claim()[0])

        assert insert(queue, Once("x"), unique=unique) != first


def _postpone_and_stage(queue: Queue, one: Runner, row: Row) -> None:
    one.postpone(row)
    execute(queue, "UPDATE queue.jobs SET scheduled_at = now() WHERE state = 'retryable'")
    one.store.stage_jobs(limit=10)


def _postpone_and_run_now(queue: Queue, one: Runner, row: Row) -> None:
    one.postpone(row)
    with queue.engine.begin() as connection:
        assert control.run_now(connection, row["id"]).ids == (row["id"],)


BACK: dict[str, Callable[[Queue, Runner, Row], object]] = {
    "stage": _postpone_and_stage,
    "retry": lambda queue, one, row: one.postpone(row, delay_s=0.0),
    "rescue": lambda queue, one, row: one.release(row, rescue=True),
    "run now": _postpone_and_run_now,
}


@pytest.mark.parametrize("way", BACK)
def test_a_job_that_comes_back_to_a_newer_twin_is_no_error(queue: Queue, way: str) -> None:
    """R7: only an insert can conflict. The older one has given its key up for good."""
    unique = Unique(keys=("name",), states=("available",))
    first = insert(queue, Once("x"), unique=unique)
    with runner(queue) as one:
        row = one.claim()[0]
        second = insert(queue, Once("x"), unique=unique)
        BACK[way](queue, one, row)

    assert [(one["id"], one["state"], one["unique_key"] is None) for one in jobs(queue)] == [
        (first, "available", True),
        (second, "available", False),
    ]


def test_if_a_rescue_took_its_key_again_it_would_fail(queue: Queue) -> None:
    """Negative control: the key is given up for good in the statement that leaves its states."""
    unique = Unique(keys=("name",), states=("available",))
    insert(queue, Once("x"), unique=unique)
    with runner(queue) as one:
        row = one.claim()[0]
        insert(queue, Once("x"), unique=unique)
        guard = "unique_key = CASE WHEN 'available' = ANY (j.unique_states) THEN j.unique_key END"
        twin = "unique_key = (SELECT t.unique_key FROM queue.jobs t WHERE t.unique_key IS NOT NULL)"
        one.store = weaken(one.store, "release_jobs", guard, twin)

        with pytest.raises(Exception, match="jobs_unique"):
            one.release(row, rescue=True)


def test_a_window_may_count_from_the_time_that_the_job_is_for(queue: Queue) -> None:
    unique = Unique(keys=("name",), period=60, states="all", timestamp="scheduled_at")
    relative = insert(queue, Once("x"), unique=unique, schedule_in=3600)
    due = datetime.now(UTC) + timedelta(hours=1)
    absolute = insert(queue, Once("y"), unique=unique, scheduled_at=due)
    ManualClock(queue).advance(3630)
    met = [insert(queue, Once(name), unique=unique) for name in ("x", "y")]
    ManualClock(queue).advance(60)

    assert met == [relative, absolute]
    assert insert(queue, Once("x"), unique=unique) != relative
    assert insert(queue, Once("y"), unique=unique) != absolute


def test_a_window_from_the_insert_has_closed_by_then(queue: Queue) -> None:
    """The other half: `inserted_at` is the default, whatever the schedule."""
    unique = Unique(keys=("name",), period=60, states="all")
    first = insert(queue, Once("x"), unique=unique, schedule_in=3600)
    ManualClock(queue).advance(61)

    assert insert(queue, Once("x"), unique=unique) != first


class TestForgetting:
    """Keys do not pile up: neither those whose time has passed, nor those without a time."""

    def test_a_key_goes_when_its_time_has_passed(self, queue: Queue) -> None:
        insert(queue, Once("x"), unique=HOUR)
        insert(queue, Once("y"), unique=HOUR)
        ManualClock(queue).advance(3601)
        with runner(queue) as one:
            KeySweeper().sweep(one.store)

        assert keys(queue) == 0

    def test_a_key_without_a_period_goes_with_the_history_of_its_job(self, queue: Queue) -> None:
        """It counts as long as the job is known, and not one day less."""
        sweeper = KeySweeper()
        first = insert(queue, Once("x"), unique=EVER)
        with runner(queue) as one:
            finish(one)
            sweeper.sweep(one.store)
            assert insert(queue, Once("x"), unique=EVER) == first
            execute(queue, "DELETE FROM queue.job_history")  # As retention does.
            sweeper.sweep(one.store)

        assert keys(queue) == 0

    def test_the_walk_goes_on_where_it_ended(self, queue: Queue) -> None:
        for name in "abcde":
            insert(queue, Once(name), unique=EVER)
        with queue.engine.begin() as connection:
            control.delete(connection, control.Filter(kind="once"))
        with runner(queue) as one:
            after, removed = b"", []
            for _ in range(3):
                found = one.store.forget_orphan_keys(after=after, limit=2)[0]
                removed.append(found["removed"])
                after = bytes(found["last_key"] or b"")

        assert (removed, after, keys(queue)) == ([2, 2, 1], b"", 0)

    def test_a_key_that_is_taken_over_meanwhile_stays(self, queue: Queue) -> None:
        insert(queue, Once("x"), unique=EVER)
        execute(queue, "DELETE FROM queue.jobs")
        with runner(queue) as one, queue.engine.connect() as taker, ThreadPoolExecutor(1) as pool:
            queue.insert(taker, Once("x"), unique=EVER)
            swept = pool.submit(KeySweeper().sweep, one.store)
            wait_until(lambda: is_waiting(queue))
            taker.commit()
            swept.result(timeout=10)

        assert keys(queue) == 1


class TestWake:
    """A windowed key finds its twin by id; the wake-up is no less safe for it."""

    @pytest.mark.parametrize("unique", [HOUR, EVER])
    def test_an_executing_twin_runs_again(self, queue: Queue, unique: Unique) -> None:
        first = insert(queue, Once("x"), unique=unique)
        with runner(queue) as one:
            row = one.claim()[0]
            assert insert(queue, Once("x"), unique=unique, wake=True) == first
            one.finish(row)

        assert job(queue, first)["state"] == "available"

    def test_a_waiting_twin_becomes_available(self, queue: Queue) -> None:
        first = insert(queue, Once("x"), unique=HOUR, schedule_in=600)

        insert(queue, Once("x"), unique=HOUR, wake=True)

        assert job(queue, first)["state"] == "available"

    def test_a_finished_twin_within_its_window_is_only_met(self, queue: Queue) -> None:
        first = insert(queue, Once("x"), unique=EVER)
        with runner(queue) as one:
            finish(one)
        with queue.engine.begin() as connection:
            met = queue.insert(connection, Once("x"), unique=EVER, wake=True)

        assert (met.id, met.conflict, met.state) == (first, True, "completed")

    def test_a_twin_that_settles_while_the_wake_up_looks_is_followed_by_a_new_job(
        self, queue: Queue
    ) -> None:
        """The wake-up waits for the settle in flight, finds the twin gone, and takes the key."""
        first = insert(queue, Once("x"), unique=HOUR)
        with runner(queue) as one, ThreadPoolExecutor(1) as pool:
            row = one.claim()[0]
            with one.connection.transaction():
                one.finish(row)
                woken = pool.submit(insert, queue, Once("x"), unique=HOUR, wake=True)
                wait_until(lambda: is_waiting(queue))

            assert woken.result(timeout=10) != first


class Interrupted(WeakStore):
    """Something happens once, right after somebody has looked at who holds a key."""

    between: Callable[[], None] | None = None

    def run(self, name: str, /, **values: Any) -> list[Row]:
        rows = super().run(name, **values)
        if name == "find_key_holders" and self.between is not None:
            between, self.between = self.between, None
            between()
        return rows


class TestRedrive:
    """A second life obeys its window too."""

    def test_a_redrive_that_meets_a_newer_twin_changes_nothing(self, queue: Queue) -> None:
        first = insert(queue, Once("x"), unique=HOUR)
        with runner(queue) as one:
            finish(one, "discarded")
        second = insert(queue, Once("x"), unique=HOUR)

        with queue.engine.begin() as connection:
            changed = control.retry(connection, first)

        assert (second != first, changed.ids, list(changed.skipped)) == (True, (), [first])

    def test_a_redriven_job_holds_its_key_again(self, queue: Queue) -> None:
        first = insert(queue, Once("x"), unique=HOUR)
        with runner(queue) as one:
            finish(one, "discarded")
        with queue.engine.begin() as connection:
            assert control.retry(connection, first).ids == (first,)

        assert insert(queue, Once("x"), unique=HOUR) == first

    def test_of_a_redrive_and_an_insert_at_once_one_wins(self, queue: Queue) -> None:
        first = insert(queue, Once("x"), unique=HOUR)
        with runner(queue) as one:
            finish(one, "discarded")
        with queue.engine.connect() as operator, ThreadPoolExecutor(1) as pool:
            control.retry(operator, first)
            second = pool.submit(insert, queue, Once("x"), unique=HOUR)
            wait_until(lambda: is_waiting(queue))
            operator.commit()

            assert second.result(timeout=10) == first
        assert len(jobs(queue)) == 1

    @pytest.mark.parametrize("is_guarded", [True, False])
    def test_a_redrive_between_looking_and_taking_over_is_noticed_by_the_version(
        self, queue: Queue, *, is_guarded: bool
    ) -> None:
        """With its negative control: guarded by the holder's id alone, both would run."""
        first = insert(queue, Once("x"), unique=HOUR)

        def redrive() -> None:
            with queue.engine.begin() as connection:
                assert control.retry(connection, first).ids == (first,)

        with runner(queue) as one:
            finish(one, "discarded")
            store = Interrupted(one.store.connection, queue.schema)
            store.between = redrive
            if not is_guarded:
                guard = "AND xmin::text = %(seen_version)s"
                store.removed = {"take_over_unique_key": (guard, "")}
            write_jobs(store, [prepare(Once("x"), unique=HOUR)])

        assert len(jobs(queue)) == (1 if is_guarded else 2)

    def test_an_insert_that_takes_the_key_first_keeps_the_dead_one_dead(self, queue: Queue) -> None:
        first = insert(queue, Once("x"), unique=HOUR)
        with runner(queue) as one:
            finish(one, "discarded")
        with queue.engine.connect() as inserter, ThreadPoolExecutor(1) as pool:
            queue.insert(inserter, Once("x"), unique=HOUR)

            def redrive() -> tuple[int, ...]:
                with queue.engine.begin() as connection:
                    return control.retry(connection, first).ids

            redriven = pool.submit(redrive)
            wait_until(lambda: is_waiting(queue))
            inserter.commit()

            assert redriven.result(timeout=10) == ()
        assert job(queue, first)["state"] == "discarded"


def test_fifty_concurrent_inserters_of_one_window_store_one_job(queue: Queue) -> None:
    def run(number: int) -> int | None:
        with queue.engine.connect() as connection:
            job_id = queue.insert(connection, Once("same"), unique=EVER).id
            if number % 3 == 1:
                connection.rollback()
                return None
            connection.commit()
            return job_id

    with ThreadPoolExecutor(15) as pool:
        ids = set(pool.map(run, range(50))) - {None}

    assert [row["id"] for row in jobs(queue)] == list(ids)


def test_a_twin_cannot_be_written_past_the_primary_key_of_keys(queue: Queue) -> None:
    """The index that carries windowed uniqueness; without it there would be two holders."""
    insert(queue, Once("x"), unique=EVER)
    again = "INSERT INTO queue.unique_keys SELECT key, job_id + 1, states, expires_at FROM"
    with pytest.raises(IntegrityError, match="unique_keys_pkey"):
        execute(queue, f"{again} queue.unique_keys")

    with queue.engine.connect() as connection:
        connection.exec_driver_sql("ALTER TABLE queue.unique_keys DROP CONSTRAINT unique_keys_pkey")
        assert connection.exec_driver_sql(f"{again} queue.unique_keys").rowcount == 1
        connection.rollback()
