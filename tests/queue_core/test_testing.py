"""The helpers that applications test with."""

import pytest
import sqlalchemy
from sqlalchemy.orm import Session

from queue_core import InvalidJob, Queue, Snooze, control, testing
from queue_core.errors import QueueError
from queue_core.testing.drain import JobFailed
from queue_core.testing.inline import make_job
from tests.queue_core.support import (
    Give,
    GiveWorker,
    Note,
    NoteWorker,
    execute,
    insert,
    make_notes,
    notes,
)


def test_a_worker_is_performed_with_recoded_arguments() -> None:
    assert testing.perform_job(GiveWorker, Give("snooze", 5)) == Snooze(5, max_snoozes=2)
    assert testing.perform_job(GiveWorker(), {"what": "none"}, attempt=3) is None


def test_inline_jobs_run_at_once_on_the_callers_connection(queue: Queue) -> None:
    make_notes(queue)
    with Session(queue.engine) as session, testing.inline(queue):
        inserted = queue.insert(session, Note("inline"))
        seen = session.execute(sqlalchemy.text("SELECT text FROM notes")).scalars().all()
        session.rollback()

    assert (inserted.state, seen, notes(queue)) == ("completed", ["inline"], [])


def test_settings_of_a_performed_jobs_transaction_are_seen_by_its_statements(queue: Queue) -> None:
    asked = sqlalchemy.text("SELECT current_setting('app.actor', true)")
    with queue.engine.connect() as connection, Session(connection) as outer:
        job = make_job(NoteWorker(), Note(), outer)
        with job.session({"app.actor": "me"}) as session:
            assert session.execute(asked).scalar_one() == "me"


def test_an_inline_job_that_exits_is_an_outcome_and_not_the_end_of_the_test(queue: Queue) -> None:
    with Session(queue.engine) as session, testing.inline(queue):
        assert queue.insert(session, Give("exit")).state == "retryable"


def test_after_the_inline_block_jobs_wait_again(queue: Queue) -> None:
    with testing.inline(queue):
        pass

    insert(queue, Note())

    assert queue.stats() == {"default": {"available": 1}}


def test_enqueued_jobs_are_found_by_subset(queue: Queue) -> None:
    insert(queue, Note("a"), meta={"trace": "t", "more": 1}, tags=("vip",))

    found = testing.assert_enqueued(
        queue.engine, Note, args={"text": "a"}, meta={"trace": "t"}, tags=("vip",), queue="default"
    )

    assert found["args"] == {"text": "a"}
    with pytest.raises(AssertionError, match=r"no job Note .* there are: \[\('note'"):
        testing.assert_enqueued(queue.engine, Note, args={"text": "b"})
    testing.refute_enqueued(queue.engine, Give)
    with pytest.raises(AssertionError, match="is enqueued"):
        testing.refute_enqueued(queue.engine, "note")


def test_a_drain_counts_outcomes_and_follows_recursion_when_asked(queue: Queue) -> None:
    make_notes(queue)
    for what in ("none", "cancel", "error", "snooze"):
        insert(queue, Give(what))
    insert(queue, Note("x"))

    assert testing.drain_queue(queue, with_limit=2) == {"completed": 1, "cancelled": 1}
    assert testing.drain_queue(queue) == {"error": 1, "snooze": 1, "completed": 1}


def test_a_drain_without_safety_raises_the_first_failure(queue: Queue) -> None:
    insert(queue, Give("raise", "boom"))

    with pytest.raises(JobFailed, match="ValueError: boom"):
        testing.drain_queue(queue, with_safety=False)


def test_a_drain_that_raises_leaves_no_job_behind(queue: Queue) -> None:
    """Neither executing nor charged, and no worker that nobody is."""
    insert(queue, Give("raise", "boom"))
    insert(queue, Give("none"))
    with pytest.raises(JobFailed):
        testing.drain_queue(queue, with_safety=False, with_recursion=False)

    assert queue.stats() == {"default": {"retryable": 1, "available": 1}}
    with queue.engine.connect() as connection:
        assert control.list_workers(connection) == []
    assert testing.drain_queue(queue) == {"completed": 1}


def test_inline_says_which_worker_is_missing(queue: Queue) -> None:
    bare = Queue(queue.database_url, workers=[NoteWorker])
    with (
        queue.engine.connect() as connection,
        testing.inline(bare),
        pytest.raises(InvalidJob, match="no worker performs 'give'; registered are note"),
    ):
        bare.insert(connection, Give("none"))
    bare.engine.dispose()


def test_a_drain_that_never_ends_is_stopped(queue: Queue) -> None:
    execute(queue, "ALTER SEQUENCE queue.jobs_id_seq RESTART")

    class Again(NoteWorker):
        def perform(self, job: object) -> Snooze:  # type: ignore[override]
            return Snooze(0)

    again = Queue(queue.database_url, queues={"default": 1}, workers=[Again])
    insert(queue, Note())
    before, testing.drain.JOBS_MAX = testing.drain.JOBS_MAX, 20
    try:
        with pytest.raises(QueueError, match="does one enqueue itself"):
            testing.drain_queue(again)
    finally:
        testing.drain.JOBS_MAX = before
        again.engine.dispose()


def test_the_clock_lets_scheduled_jobs_become_due(queue: Queue) -> None:
    make_notes(queue)
    insert(queue, Note("later"), schedule_in=3600)
    assert testing.drain_queue(queue) == {}

    testing.ManualClock(queue).advance(3601)

    assert testing.drain_queue(queue) == {"completed": 1}


def test_a_job_without_a_row_always_holds_its_lease(queue: Queue) -> None:
    with Session(queue.engine) as session:
        job = make_job(NoteWorker(), Note(), session)

        job.require_lease(session)
        assert job.holds_lease(session)
