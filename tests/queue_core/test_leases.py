"""R1, R3, R5, R7: who may write about a job. Interleavings are forced on real connections.

Each promise has its negative control: the guard is taken out of the statement and the promise must
break.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy
from sqlalchemy.orm import Session

from queue_core import LeaseLost, Queue, control, lease
from queue_core.job import Job, sessions_of
from queue_core.store import Row
from tests.queue_core.support import (
    Note,
    Runner,
    attempts,
    execute,
    insert,
    job,
    jobs,
    make_notes,
    notes,
    runner,
    token,
    weaken,
)
from tests.support.waiting import wait_until


def is_waiting(queue: Queue) -> bool:
    with queue.engine.connect() as connection:
        statement = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool(connection.exec_driver_sql(statement).scalar_one())


def as_job(queue: Queue, row: Row) -> Job[Note]:
    values = {
        name: row[name] for name in ("id", "kind", "queue", "attempt", "max_attempts", "lease")
    }
    times = {name: row[name] for name in ("inserted_at", "scheduled_at")}
    made: Job[Note] = Job(args=Note("x"), _sessions=sessions_of(queue.engine), **values, **times)
    made._run.deadline_s = float("inf")
    return made


class TestIdentity:
    """R1: at most one end per life of a job; a stale result is rejected."""

    def test_two_producers_never_claim_the_same_job(self, queue: Queue) -> None:
        for number in range(300):
            insert(queue, Note(str(number))) if number < 3 else None
        with queue.engine.begin() as connection:
            queue.insert_all(connection, [Note(str(number)) for number in range(297)])
        runners = [Runner(queue) for _ in range(4)]

        def take(one: Runner) -> list[int]:
            taken: list[int] = []
            while rows := one.claim(7):
                taken += [row["id"] for row in rows]
            return taken

        with ThreadPoolExecutor(4) as pool:
            taken = [job_id for ids in pool.map(take, runners) for job_id in ids]
        for one in runners:
            one.close()

        assert len(taken) == len(set(taken)) == 300

    @pytest.mark.parametrize("end", ["complete", "finish", "postpone", "release"])
    def test_a_stale_runner_changes_nothing(self, queue: Queue, end: str) -> None:
        job_id = insert(queue, Note())
        with runner(queue) as zombie, runner(queue) as owner:
            old = zombie.claim()[0]
            zombie.release(old)
            owner.claim()

            answer = getattr(zombie, end)(old)

        row = job(queue, job_id)
        assert (answer, row["state"], row["lease"], row["worker_id"]) == (
            [],
            "executing",
            2,
            owner.id,
        )

    @pytest.mark.parametrize(
        ("statement", "end"),
        [
            ("complete_jobs", "complete"),
            ("finish_jobs", "finish"),
            ("postpone_jobs", "postpone"),
        ],
    )
    def test_without_the_lease_in_the_where_a_zombie_ends_anothers_run(
        self, queue: Queue, statement: str, end: str
    ) -> None:
        """Negative control."""
        job_id = insert(queue, Note())
        with runner(queue) as zombie, runner(queue) as owner:
            old = zombie.claim()[0]
            zombie.release(old)
            owner.claim()

            weak = weaken(zombie.store, statement, " AND j.lease = i.lease")
            getattr(zombie, end)(old, store=weak)

        assert job(queue, job_id)["state"] != "executing"

    def test_a_snooze_refunds_the_attempt_and_not_the_lease(self, queue: Queue) -> None:
        """The reason why attempt is no identity: after a snooze it repeats."""
        insert(queue, Note())
        with runner(queue) as one:
            first = one.claim()[0]
            one.postpone(first, "scheduled", 0.0, refund=1)
            second = one.claim()[0]

            assert (first["attempt"], second["attempt"]) == (1, 1)
            assert (first["lease"], second["lease"]) == (1, 2)
            assert one.finish(first) == []

    def test_a_zombie_of_the_first_life_cannot_settle_the_second(self, queue: Queue) -> None:
        job_id = insert(queue, Note())
        with runner(queue) as zombie, runner(queue) as owner:
            first = zombie.claim()[0]
            zombie.finish(first, "discarded")
            with queue.engine.begin() as connection:
                assert control.retry(connection, job_id).ids == (job_id,)
            second = owner.claim()[0]

            assert second["lease"] == 2
            assert zombie.finish(first) == []
        assert job(queue, job_id)["state"] == "executing"

    def test_if_a_redrive_reset_the_lease_the_zombie_would_win(self, queue: Queue) -> None:
        """Negative control."""
        job_id = insert(queue, Note())
        with runner(queue) as zombie, runner(queue) as owner:
            first = zombie.claim()[0]
            zombie.finish(first, "discarded")
            with queue.engine.begin() as connection:
                control.retry(connection, job_id)
            execute(queue, "UPDATE queue.jobs SET lease = 0")
            owner.claim()

            assert zombie.finish(first) != []

    def test_a_second_end_of_the_same_run_is_not_written(self, queue: Queue) -> None:
        insert(queue, Note())
        with runner(queue) as one:
            row = one.claim()[0]

            assert len(one.finish(row)) == 1
            assert one.finish(row) == []
        assert len(jobs(queue)) == 1

    def test_one_locked_row_does_not_stall_a_batch(self, queue: Queue) -> None:
        for number in range(3):
            insert(queue, Note(str(number)))
        with runner(queue) as one, queue.engine.begin() as other:
            rows = one.claim(3)
            other.exec_driver_sql(
                "SELECT FROM queue.jobs WHERE id = %(id)s FOR UPDATE", {"id": rows[1]["id"]}
            )

            done = one.store.finish_jobs(
                ids=[row["id"] for row in rows],
                leases=[row["lease"] for row in rows],
                states=["completed"] * 3,
                errors=[None] * 3,
                results=[None] * 3,
                yields=[False] * 3,
            )

        assert {row["id"] for row in done} == {rows[0]["id"], rows[2]["id"]}

    def test_a_batch_of_plain_completions_says_which_it_has_not_written(self, queue: Queue) -> None:
        """A locked row, one that a wake-up met, and a run whose job has another owner."""
        for number in range(5):
            insert(queue, Note(str(number)))
        with runner(queue) as one, runner(queue) as owner, queue.engine.begin() as other:
            locked, woken, lost, *plain = one.claim(5)
            execute(
                queue,
                "UPDATE queue.jobs SET wake_requested_at = now() WHERE id = %(id)s",
                id=woken["id"],
            )
            one.release(lost)
            (anew,) = owner.claim()
            other.exec_driver_sql(
                "SELECT FROM queue.jobs WHERE id = %(id)s FOR UPDATE", {"id": locked["id"]}
            )

            # In one batch with its successor: the two have one id, and only one of them is written.
            assert one.complete(locked, woken, lost, anew, *plain) == [anew, *plain]
            assert one.complete(plain[0]) == []
        assert [row["state"] for row in jobs(queue)][:2] == ["executing", "executing"]

    def test_a_wake_up_that_arrives_during_a_settle_is_not_overtaken(self, queue: Queue) -> None:
        """The settle has seen the row without it, and locks it afterwards."""
        job_id = insert(queue, Note())
        with runner(queue) as one, runner(queue) as slow, ThreadPoolExecutor(1) as pool:
            held = one.claim()[0]
            guard = "j.wake_requested_at IS NULL"
            slowly = f"{guard} AND pg_advisory_xact_lock(1) IS NOT NULL"
            with queue.engine.begin() as gate:
                gate.exec_driver_sql("SELECT pg_advisory_xact_lock(1)")
                store = weaken(slow.store, "complete_jobs", guard, slowly)
                settle = pool.submit(slow.complete, held, store=store)
                wait_until(lambda: is_waiting(queue))
                execute(queue, "UPDATE queue.jobs SET wake_requested_at = now()")

            assert settle.result(timeout=10) == []
            assert one.finish(held)[0]["state"] == "available"
        assert job(queue, job_id)["lease"] == held["lease"]


class TestWorkers:
    """R3: a claim needs a live worker row; release follows its deletion."""

    def test_a_deleted_worker_claims_nothing(self, queue: Queue) -> None:
        insert(queue, Note())
        with runner(queue) as one:
            one.die()

            assert one.claim() == []

    def test_an_expired_worker_claims_nothing_until_it_is_renewed(self, queue: Queue) -> None:
        insert(queue, Note())
        with runner(queue) as one:
            execute(queue, "UPDATE queue.workers SET expires_at = now() - interval '1 second'")
            assert one.claim() == []

            one.store.renew_workers(ids=[one.id], lease_s=30.0)

            assert len(one.claim()) == 1

    def test_the_reaper_waits_for_a_claim_in_flight_and_then_sees_its_jobs(
        self, queue: Queue
    ) -> None:
        job_id = insert(queue, Note())
        with runner(queue) as one, runner(queue) as reaper, ThreadPoolExecutor(1) as pool:
            with one.connection.transaction():
                one.claim()
                deletion = pool.submit(reaper.store.delete_workers, ids=[one.id])
                wait_until(lambda: is_waiting(queue))
            deletion.result(timeout=10)

            rows = reaper.store.list_executing(worker_ids=[one.id], min_age_s=0.0, limit=10)

        assert [row["id"] for row in rows] == [job_id]

    def test_without_key_share_the_reaper_overtakes_the_claim(self, queue: Queue) -> None:
        """Negative control: the job is left executing under a worker that is gone, unseen by its
        release.
        """
        insert(queue, Note())
        with runner(queue) as one, runner(queue) as reaper, one.connection.transaction():
            one.claim(store=weaken(one.store, "claim_jobs", "FOR KEY SHARE"))
            reaper.store.delete_workers(ids=[one.id])  # Does not wait.
            seen = reaper.store.list_executing(worker_ids=[one.id], min_age_s=0.0, limit=10)

        assert seen == []
        assert jobs(queue)[0]["state"] == "executing"

    def test_orphans_are_found_by_the_sweep(self, queue: Queue) -> None:
        job_id = insert(queue, Note())
        with runner(queue) as one, runner(queue) as leader:
            one.claim()
            one.die()

            assert [row["id"] for row in leader.store.list_orphans(limit=10)] == [job_id]

    def test_a_renewal_does_not_wait_for_a_claim(self, queue: Queue) -> None:
        insert(queue, Note())
        with runner(queue) as one, runner(queue) as supervisor:
            supervisor.connection.execute("SET lock_timeout = 500")
            with one.connection.transaction():
                one.claim()

                assert supervisor.store.renew_workers(ids=[one.id], lease_s=30.0) == [
                    {"id": one.id}
                ]

    def test_an_idle_claim_of_a_dead_worker_takes_no_job_lock(self, queue: Queue) -> None:
        insert(queue, Note())
        with runner(queue) as dead, runner(queue) as alive:
            dead.die()
            with dead.connection.transaction():
                dead.claim()

                assert len(alive.claim()) == 1


class TestCompletion:
    """R5: a job and its effects end together."""

    def test_the_effects_and_the_end_commit_together(self, queue: Queue) -> None:
        make_notes(queue)
        job_id = insert(queue, Note())
        with runner(queue) as one:
            running = as_job(queue, one.claim()[0])
            with running.transaction() as session:
                session.execute(sqlalchemy.text("INSERT INTO notes (text) VALUES ('done')"))

        assert (notes(queue), job(queue, job_id)["state"], running._run.completed) == (
            ["done"],
            "completed",
            True,
        )

    def test_a_lost_lease_rolls_the_effects_back(self, queue: Queue) -> None:
        make_notes(queue)
        job_id = insert(queue, Note())
        with runner(queue) as one:
            row = one.claim()[0]
            running = as_job(queue, row)
            with pytest.raises(LeaseLost), running.transaction() as session:  # noqa: PT012
                session.execute(sqlalchemy.text("INSERT INTO notes (text) VALUES ('done')"))
                one.release(row)

        assert (notes(queue), job(queue, job_id)["state"]) == ([], "available")

    def test_a_failing_transaction_leaves_the_job_executing(self, queue: Queue) -> None:
        make_notes(queue)
        job_id = insert(queue, Note())
        with runner(queue) as one:
            running = as_job(queue, one.claim()[0])
            with pytest.raises(ZeroDivisionError), running.transaction() as session:  # noqa: PT012
                session.execute(sqlalchemy.text("INSERT INTO notes (text) VALUES ('done')"))
                raise ZeroDivisionError

        assert (notes(queue), job(queue, job_id)["state"], running._run.completed) == (
            [],
            "executing",
            False,
        )

    def test_complete_keeps_facts_when_the_lease_is_lost(self, queue: Queue) -> None:
        make_notes(queue)
        insert(queue, Note())
        with runner(queue) as one:
            row = one.claim()[0]
            one.release(row)
            running = as_job(queue, row)
            with running.session() as session:
                session.execute(sqlalchemy.text("INSERT INTO notes (text) VALUES ('fact')"))
                held = running.complete(session)

        assert (held, notes(queue), running._run.completed) == (False, ["fact"], False)

    def test_settings_of_a_transaction_hold_in_it_and_end_with_it(self, queue: Queue) -> None:
        asked = sqlalchemy.text("SELECT current_setting('app.actor', true)")
        insert(queue, Note())
        with runner(queue) as one:
            running = as_job(queue, one.claim()[0])
            with running.session({"app.actor": "it's me"}) as session:
                said = session.execute(asked).scalar_one()
            with running.session() as session:
                afterwards = session.execute(asked).scalar_one()

        assert (said, afterwards) == ("it's me", "")

    def test_a_completion_that_is_rolled_back_does_not_mark_the_job(self, queue: Queue) -> None:
        insert(queue, Note())
        with runner(queue) as one:
            running = as_job(queue, one.claim()[0])
            with pytest.raises(ZeroDivisionError), running.session() as session:  # noqa: PT012
                assert running.complete(session)
                raise ZeroDivisionError

        assert running._run.completed is False

    def test_a_completion_within_a_savepoint_counts_only_with_the_outer_commit(
        self, queue: Queue
    ) -> None:
        insert(queue, Note())
        with runner(queue) as one:
            running = as_job(queue, one.claim()[0])
            with Session(queue.engine) as session, session.begin():
                with session.begin_nested():
                    running.complete(session)
                assert running._run.completed is False

        assert running._run.completed is True

    @pytest.mark.parametrize("part", ["all", "savepoint"])
    def test_a_later_commit_does_not_stand_for_a_completion_that_was_rolled_back(
        self, queue: Queue, part: str
    ) -> None:
        """It counted as done, and the row stayed executing until somebody missed it."""
        insert(queue, Note())
        with runner(queue) as one, Session(queue.engine) as session:
            running = as_job(queue, one.claim()[0])
            inner = session.begin_nested() if part == "savepoint" else session
            running.complete(session)
            inner.rollback()

            session.execute(sqlalchemy.text("SELECT 1"))
            session.commit()

        assert running._run.completed is False
        assert job(queue, running.id)["state"] == "executing"

    def test_an_intention_needs_the_lease(self, queue: Queue) -> None:
        insert(queue, Note())
        with runner(queue) as one:
            row = one.claim()[0]
            running = as_job(queue, row)
            with running.session() as session:
                running.require_lease(session)
            one.release(row)

            with pytest.raises(LeaseLost), running.session() as session:
                running.require_lease(session)

    def test_a_required_lease_is_not_released_before_the_transaction_ends(
        self, queue: Queue
    ) -> None:
        insert(queue, Note())
        with runner(queue) as one, queue.engine.begin() as connection:
            row = one.claim()[0]
            lease.require(connection, token(queue, row))

            assert one.release(row, rescue=True) == []  # Skipped: it is repeated later.

    def test_without_the_lease_in_the_where_a_zombie_completes_anothers_job(
        self, queue: Queue
    ) -> None:
        """Negative control."""
        job_id = insert(queue, Note())
        with runner(queue) as zombie, runner(queue) as owner:
            old = zombie.claim()[0]
            zombie.release(old)
            owner.claim()

            weak = weaken(zombie.store, "complete_job", " AND lease = %(lease)s")
            weak.complete_job(id=old["id"], lease=old["lease"], result=None)

        assert job(queue, job_id)["state"] == "completed"


def test_the_idempotency_key_outlives_attempts_and_lives(queue: Queue) -> None:
    """R6."""
    insert(queue, Note())
    with runner(queue) as one:
        first = one.claim()[0]
        one.postpone(first, delay_s=0.0)
        second = one.claim()[0]

    assert as_job(queue, first).idempotency_key == as_job(queue, second).idempotency_key
    assert first["lease"] != second["lease"]


def test_a_claim_takes_the_first_by_priority_then_time(queue: Queue) -> None:
    late = insert(queue, Note("late"))
    first = insert(queue, Note("urgent"), priority=0)
    low = insert(queue, Note("low"), priority=9)
    execute(
        queue,
        "UPDATE queue.jobs SET scheduled_at = scheduled_at - %(by)s WHERE id = %(id)s",
        by=timedelta(hours=1),
        id=first,
    )

    with runner(queue) as one:
        taken = [one.claim()[0]["id"] for _ in range(3)]

    assert taken == [first, late, low]


def test_a_spent_row_does_not_stop_its_queue(queue: Queue) -> None:
    spent = insert(queue, Note("spent"))
    execute(queue, "UPDATE queue.jobs SET attempt = max_attempts WHERE id = %(id)s", id=spent)
    good = insert(queue, Note("good"))

    with runner(queue) as one:
        assert [row["id"] for row in one.claim(10)] == [good]


def test_unknown_kinds_are_left_where_they_are(queue: Queue) -> None:
    """R9: never discarded, and never in the way."""
    insert(queue, Note("known"))
    with runner(queue) as one:
        assert one.claim(kinds=["another"]) == []

    assert (jobs(queue)[0]["state"], attempts(queue)) == ("available", [])


def test_kinds_that_no_live_worker_knows_are_set_aside_and_come_back(queue: Queue) -> None:
    insert(queue, Note("x"))
    with runner(queue) as leader:
        execute(queue, "UPDATE queue.workers SET kinds = ARRAY['another']")
        assert len(leader.store.suspend_unknown_kinds(limit=10, min_age_s=0.0)) == 1
        assert jobs(queue)[0]["state"] == "suspended"

        execute(queue, "UPDATE queue.workers SET kinds = ARRAY['note']")
        assert len(leader.store.resume_known_kinds(limit=10)) == 1

    assert (jobs(queue)[0]["state"], jobs(queue)[0]["meta"]) == ("available", {})


def test_a_suspect_is_claimed_only_alone(queue: Queue) -> None:
    """R8: before poison is discarded it runs once by itself."""
    insert(queue, Note("suspect"))
    execute(queue, "UPDATE queue.jobs SET rescues = 3")

    with runner(queue) as one:
        assert one.claim() == []
        row = one.claim(solo=True)[0]
        assert one.release(row, rescue=True)[0]["state"] == "discarded"


@pytest.mark.parametrize(
    ("charged", "rescue", "attempt", "rescues"),
    [(False, False, 0, 0), (True, True, 1, 1), (False, True, 0, 1)],
)
def test_a_release_charges_what_is_known(
    queue: Queue, *, charged: bool, rescue: bool, attempt: int, rescues: int
) -> None:
    job_id = insert(queue, Note())
    with runner(queue) as one:
        one.release(one.claim()[0], charged=charged, rescue=rescue)

    row = job(queue, job_id)
    assert (row["state"], row["attempt"], row["rescues"]) == ("available", attempt, rescues)


def test_an_innocent_is_rescued_as_often_as_it_takes(queue: Queue) -> None:
    """Held by one process after another that was killed: counted, and never taken for the cause."""
    job_id = insert(queue, Note())
    with runner(queue) as one:
        for _ in range(5):
            one.release(one.claim()[0], rescue=True, innocent=True)

    row = job(queue, job_id)
    assert (row["state"], row["attempt"], row["rescues"], row["lease"]) == ("available", 0, 2, 5)


def test_a_charged_release_of_the_last_attempt_discards(queue: Queue) -> None:
    job_id = insert(queue, Note(), max_attempts=1)
    with runner(queue) as one:
        one.release(one.claim()[0], charged=True, rescue=True)

    assert job(queue, job_id)["state"] == "discarded"
