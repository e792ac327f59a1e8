"""Operators' verbs: on single jobs and by filter, with a dry run, and written down."""

from typing import Any

import pytest

from queue_core import InvalidJob, Queue, control
from queue_core.control import Filter
from queue_core.settings import QueueSettings
from tests.queue_core.support import Give, Note, Once, attempts, execute, insert, job, jobs, runner


def ended(queue: Queue, args: object, state: str = "discarded") -> int:
    job_id = insert(queue, args)  # type: ignore[arg-type]
    with runner(queue) as one:
        one.finish(one.claim()[0], state)
    return job_id


def test_a_retry_starts_a_new_life_with_its_old_end_kept(queue: Queue) -> None:
    job_id = ended(queue, Note("x"))

    with queue.engine.begin() as connection:
        assert control.retry(connection, job_id, attempts=2).ids == (job_id,)

    row = job(queue, job_id)
    assert (row["state"], row["attempt"], row["max_attempts"], row["lease"]) == (
        "available",
        1,
        3,
        1,
    )
    assert [row["outcome"] for row in attempts(queue)] == ["discarded"]


def test_a_retry_that_meets_a_newer_twin_says_so_and_changes_nothing(queue: Queue) -> None:
    old = ended(queue, Once("x"))
    insert(queue, Once("x"))

    with queue.engine.begin() as connection:
        changed = control.retry(connection, old)

    assert (changed.ids, list(changed.skipped)) == ((), [old])
    assert "newer unique job" in changed.skipped[old]
    assert job(queue, old)["state"] == "discarded"


def test_a_cancel_ends_what_waits_and_asks_what_runs(queue: Queue) -> None:
    running, waiting = insert(queue, Note("a")), insert(queue, Note("b"), schedule_in=60)
    with runner(queue) as one:
        one.claim()
        with queue.engine.begin() as connection:
            changed = control.cancel(connection, Filter(ids=(running, waiting)), reason="withdrawn")

    assert changed.ids == (running, waiting)
    assert job(queue, waiting)["error"]["message"] == "withdrawn"
    assert (job(queue, running)["state"], job(queue, running)["cancel_requested_at"] is None) == (
        "executing",
        False,
    )


def test_an_executing_job_is_not_deleted(queue: Queue) -> None:
    job_id = insert(queue, Note())
    with runner(queue) as one:
        one.claim()
        with queue.engine.begin() as connection:
            assert control.delete(connection, job_id).count == 0

    assert len(jobs(queue)) == 1


def test_deleting_removes_waiting_and_finished_jobs(queue: Queue) -> None:
    ended(queue, Note("a"))
    insert(queue, Note("b"))

    with queue.engine.begin() as connection:
        assert control.delete(connection, Filter(queue="default")).count == 2

    assert jobs(queue) == []


def test_a_dry_run_counts_and_changes_nothing(queue: Queue) -> None:
    for number in range(3):
        insert(queue, Note(str(number)), tags=("old",) if number else ())

    with queue.engine.begin() as connection:
        changed = control.cancel(connection, Filter(tag="old"), dry_run=True)

    assert (changed.count, changed.dry_run) == (2, True)
    assert {row["state"] for row in jobs(queue)} == {"available"}


@pytest.mark.parametrize(
    ("which", "found"),
    [
        (Filter(kind="give"), 1),
        (Filter(args={"text": "a"}), 1),
        (Filter(queue="other"), 1),
        (Filter(states=("scheduled",)), 1),
        (Filter(tag="vip"), 1),
        (Filter(), 4),
    ],
)
def test_a_filter_means_what_it_says(queue: Queue, which: Filter, found: int) -> None:
    insert(queue, Give("none"))
    insert(queue, Note("a"), tags=("vip",))
    insert(queue, Note("b"), queue="other")
    insert(queue, Note("c"), schedule_in=60)

    with queue.engine.connect() as connection:
        assert control.count_jobs(connection, which) == found
        assert len(control.list_jobs(connection, which)) == found


def test_lists_are_newest_first_and_continue(queue: Queue) -> None:
    ids = [insert(queue, Note(str(number))) for number in range(5)]

    with queue.engine.connect() as connection:
        first = control.list_jobs(connection, limit=2)
        rest = control.list_jobs(connection, before_id=first[-1]["id"])

    assert [row["id"] for row in first + rest] == ids[::-1]


def test_waiting_jobs_can_be_changed_and_run_now(queue: Queue) -> None:
    job_id = insert(queue, Note(), schedule_in=60)

    with queue.engine.begin() as connection:
        control.update(connection, job_id, priority=7, tags=("x",), max_attempts=2)
        control.run_now(connection, job_id)

    row = job(queue, job_id)
    assert (row["priority"], row["tags"], row["max_attempts"], row["state"]) == (
        7,
        ["x"],
        2,
        "available",
    )


def test_a_job_is_always_left_one_attempt(queue: Queue) -> None:
    """Without any, nobody would claim it and it would wait for ever."""
    job_id = insert(queue, Note(), schedule_in=60)
    execute(queue, "UPDATE queue.jobs SET attempt = 5")

    with queue.engine.begin() as connection:
        control.update(connection, job_id, max_attempts=2)

    assert job(queue, job_id)["max_attempts"] == 6


def test_meta_is_merged_and_impossible_values_are_refused(queue: Queue) -> None:
    job_id = insert(queue, Note(), meta={"a": 1, "b": 1})
    with queue.engine.begin() as connection:
        control.update(connection, job_id, meta={"b": 2})
        for wrong in ({"priority": 10}, {"max_attempts": 0}, {"meta": {"a": float("nan")}}):
            with pytest.raises(InvalidJob, match="update"):
                control.update(connection, job_id, **wrong)

    assert job(queue, job_id)["meta"] == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    "verb", [control.retry, control.run_now, control.cancel, control.delete, control.update]
)
def test_every_verb_acts_in_bulk_counts_dry_and_says_whom_it_left_out(
    queue: Queue, verb: Any
) -> None:
    waiting = [insert(queue, Note("w"), schedule_in=60) for _ in range(2)]
    dead = ended(queue, Note("d"))
    insert(queue, Note("r"))
    with runner(queue) as one:
        running = one.claim()[0]["id"]
        asked = Filter(ids=(*waiting, dead, running, 10**9))
        with queue.engine.begin() as connection:
            dry = verb(connection, asked, dry_run=True)
            before = jobs(queue)
            done = verb(connection, asked)

    assert [row["state"] for row in before] == ["scheduled", "scheduled", "discarded", "executing"]
    assert set(dry.ids) == set(done.ids) >= set(waiting)
    assert done.skipped[10**9] == "no such job"
    assert {dead, running} - set(done.ids) == set(done.skipped) - {10**9}


def test_more_jobs_than_one_transaction_touches_are_counted(queue: Queue) -> None:
    execute(
        queue,
        "INSERT INTO queue.jobs (state, queue, kind)"
        " SELECT 'available', 'default', 'note' FROM generate_series(1, 10001)",
    )
    with queue.engine.begin() as connection:
        assert control.count_jobs(connection, Filter(kind="note")) == 10_001
        assert control.delete(connection, Filter(kind="note")).count == 10_000


def test_an_operators_limit_survives_a_new_start_until_it_is_reset(queue: Queue) -> None:
    with queue.engine.begin() as connection:
        control.scale_queue(connection, "default", 42)
    queue.install()
    assert limits(queue)["default"] == 42

    with queue.engine.begin() as connection:
        control.reset_queue(connection, QueueSettings("default", 5))

    assert limits(queue)["default"] == 5


def test_a_drained_node_stays_drained_with_its_next_processes(queue: Queue) -> None:
    insert(queue, Note())
    with runner(queue) as old, queue.engine.connect() as operator:
        operator.execution_options(isolation_level="AUTOCOMMIT")
        assert control.drain_workers(operator, node="test") == 1
        assert control.drain_workers(operator, node="misspelt") == 0
        assert old.claim() == []
        old.die()
        with runner(queue) as new:
            assert new.claim() == []
            assert control.drain_workers(operator, node="test", drain=False) == 1
            assert len(new.claim()) == 1
        with queue.engine.connect() as connection:
            left = connection.exec_driver_sql("SELECT count(*) FROM queue.drained_nodes")
            assert left.scalar_one() == 0


def test_one_process_may_be_drained_alone(queue: Queue) -> None:
    insert(queue, Note())
    with runner(queue) as one, runner(queue) as other:
        with queue.engine.begin() as connection:
            control.drain_workers(connection, ids=(one.id,))

        assert (one.claim(), len(other.claim())) == ([], 1)


def test_words_of_people_cannot_break_an_order(queue: Queue) -> None:
    """They come from forms: a NUL, a number that no job has, a page of text."""
    job_id = insert(queue, Note())
    with queue.engine.begin() as connection:
        assert control.show_job(connection, 2**70) is None
        assert control.retry(connection, 2**70).skipped == {2**70: "no such job"}
        assert control.list_jobs(connection, Filter(kind="no\x00te", tag="\x00")) == []

        control.cancel(connection, job_id, reason="\x00" + "x" * 10_000, actor="a\x00da")

    row = job(queue, job_id)
    assert (row["state"], len(row["error"]["message"]) <= 4096) == ("cancelled", True)


def test_an_unknown_queue_is_refused_with_the_known_ones(queue: Queue) -> None:
    with (
        queue.engine.begin() as connection,
        pytest.raises(InvalidJob, match="known are default, other"),
    ):
        control.pause_queue(connection, "nope")


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_an_impossible_limit_is_refused(queue: Queue, limit: int) -> None:
    with (
        queue.engine.begin() as connection,
        pytest.raises(InvalidJob, match="limit must be 1 to 1000"),
    ):
        control.scale_queue(connection, "default", limit)
    with pytest.raises(InvalidJob, match="limit must be 1 to 1000"):
        Queue(queue.database_url, queues={"default": limit})


def test_every_deed_is_written_down(queue: Queue) -> None:
    job_id = insert(queue, Note())
    with queue.engine.begin() as connection:
        control.cancel(connection, job_id, actor="ada")
        control.pause_queue(connection, "other", actor="ada")

    with queue.engine.connect() as connection:
        log = connection.exec_driver_sql(
            "SELECT actor, action, affected FROM queue.operator_log ORDER BY id"
        )
        assert [tuple(row) for row in log] == [("ada", "cancel", 1), ("ada", "pause", 1)]


def test_finished_jobs_are_counted_for_a_day(queue: Queue) -> None:
    ended(queue, Note("a"))
    ended(queue, Note("b"), "completed")
    insert(queue, Note("c"))
    execute(
        queue,
        "UPDATE queue.job_history SET finished_at = now() - interval '25 hours'"
        " WHERE state = 'completed'",
    )

    assert queue.stats() == {"default": {"discarded": 1, "available": 1}}


def limits(queue: Queue) -> dict[str, int]:
    with queue.engine.connect() as connection:
        return {row["name"]: row["process_limit"] for row in control.list_queues(connection)}
